/** The number of groups depends on the schema, not on the names that senders invent. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { readFilter } from "../../src/deadletter/find/filter.ts";
import { orders } from "../../src/domains/orders/index.ts";
import { parseOrder } from "../../src/domains/orders/schema.ts";
import { fingerprintOf, foldPath } from "../../src/projector/fingerprint.ts";
import { OrderFactory } from "../../tools/domains/orders/factory.ts";
import { createDatabase } from "../support/database.ts";
import { openDesk } from "../support/desk.ts";
import { MODEL, orderWith } from "../support/messages.ts";

const KNOWN = new Set(orders.paths);

function groupOf(payload: Buffer): string {
  const rejection = parseOrder(payload);
  assert.ok("code" in rejection, payload.toString());
  return fingerprintOf(rejection, KNOWN);
}

test("a place is named as far as the schema knows it", () => {
  for (const [pointer, folded] of [
    ["", ""],
    ["/delivery/name", "/delivery/name"],
    ["/items/17/price", "/items/#/price"],
    ["/items/17/made up/more", "/items/#/*"],
    ["/delivery/name/first", "/delivery/name/*"],
    ["/k1", "/*"],
    ["/17", "/*"],
  ] as const) {
    assert.is(foldPath(pointer, KNOWN), folded);
  }
});

test("letters that differ in names which a sender made up are of one group", async () => {
  await using database = await createDatabase();
  await using context = await openDesk(database);
  const { desk, receive } = context;
  const kinds: ((name: string) => string)[] = [
    (name) => `{"${name}":1,"${name}":2}`,
    (name) => `{"${name}":"\\u0000"}`,
    (name) => `{"${name}":`,
    (name) => `{"delivery":{"${name}":{"${name}":1,"${name}":2}}}`,
    (name) => `${`{"${name}":`.repeat(70)}1${"}".repeat(70)}`,
  ];
  for (const kind of kinds)
    await receive(...Array.from({ length: 20 }, (_value, index) => kind(`name ${index}`)));
  const { groups } = await desk.overview({}, 500);
  assert.equal(
    groups.map(({ count }) => count),
    kinds.map(() => 20),
  );
  assert.equal([...new Set(groups.flatMap(({ causes }) => causes.map(({ path }) => path)))].sort(), [
    "/*",
    "/delivery/*",
  ]);
  const { deadletters } = await desk.list(readFilter({ path: "/delivery/*" }), 500, undefined);
  assert.is(deadletters.length, 20);
  assert.is(deadletters[0]?.errors[0]?.path, "/delivery/name 19/name 19");
});

test("a schema that is broken in many places at once makes some hundreds of groups", () => {
  const seed = Math.floor(Math.random() * 2 ** 31);
  const factory = new OrderFactory(seed);
  const groups = new Set<string>();
  const broken = (value: unknown): unknown =>
    typeof value === "object" && value !== null && !Array.isArray(value)
      ? Object.fromEntries(
          Object.entries(value).flatMap(([name, inner]) =>
            factory.random() < 0.2
              ? [[name, factory.pick([[], false])]]
              : factory.random() < 0.2
                ? []
                : [[name, broken(inner)]],
          ),
        )
      : value;
  for (let round = 0; round < 5_000; round++) {
    const payload = orderWith(broken(MODEL) as object);
    if ("code" in parseOrder(payload)) groups.add(groupOf(payload));
  }
  assert.ok(groups.size < 1_000, `seed ${seed}: ${groups.size} groups`);
});

test("one cause, two causes and more are groups of their own", () => {
  const one = groupOf(orderWith({ entry: 1 }));
  const two = groupOf(orderWith({ entry: 1, locale: 1 }));
  const three = groupOf(orderWith({ entry: 1, locale: 1, sm_id: "1" }));
  assert.is(new Set([one, two, three]).size, 3);
  assert.is(three, groupOf(orderWith({ entry: 1, locale: 1, sm_id: "1", shardkey: 1 })));
  assert.is(one, groupOf(orderWith({ entry: 2 })));
});

test.run();
