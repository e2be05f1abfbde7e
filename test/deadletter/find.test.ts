/** Every filter finds exactly the matching dead letters, page by page, in order. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { InvalidInputError } from "../../src/contract/errors.ts";
import { countPlaces } from "../../src/deadletter/find/dead-letter-pages-table.ts";
import { readFilter } from "../../src/deadletter/find/filter.ts";
import { findAllPositions } from "../../src/deadletter/find/find.ts";
import { orders } from "../../src/domains/orders/index.ts";
import { foldPath } from "../../src/projector/fingerprint.ts";
import { OrderFactory } from "../../tools/domains/orders/factory.ts";
import { ordersKit } from "../../tools/domains/orders/index.ts";
import { makeGarbage } from "../../tools/publisher/garbage.ts";
import { createDatabase } from "../support/database.ts";
import { ANN, openDesk } from "../support/desk.ts";
import { appendAll } from "../support/engine.ts";
import { messageOf } from "../support/messages.ts";

type Row = {
  position: bigint;
  channel: string;
  state: string;
  code: string;
  fingerprint: string;
  errors: { path: string }[];
  received_at: Date;
  payload: Buffer;
};

const finding = suite("finding dead letters");
const database = await createDatabase();
const { desk, project, ...rest } = await openDesk(database);
const seed = Math.floor(Math.random() * 2 ** 31);
const factory = new OrderFactory(seed);
const CHANNELS = ["orders", "orders.eu", "orders.us"];

for (let round = 0; round < 30; round++) {
  await appendAll(
    database,
    Array.from({ length: 20 }, () =>
      messageOf(makeGarbage(ordersKit, factory).payload, { channel: factory.pick(CHANNELS) }),
    ),
  );
}
await project();
const all = await lettersNow();
for (const [index, { position }] of all.entries()) {
  if (index % 7 === 0) await desk.discard(position, ANN);
  else if (index % 11 === 1) await desk.redrive(position, undefined, ANN);
}
await project();

async function lettersNow(): Promise<Row[]> {
  const { rows } = await database.query(
    `select d.*, i.payload from dead_letters d join inbox i using (position) order by d.received_at desc, d.position desc`,
  );
  return rows;
}

/** The expected result, from a check of each letter. */
function matching(letters: readonly Row[], filter: Record<string, string>): bigint[] {
  const { state, code, fingerprint, channel, path, since, until, q, positions } = filter;
  const listed = positions?.split(",");
  return letters
    .filter((letter) => {
      const paths = letter.errors.map((error) => foldPath(error.path, new Set(orders.paths)));
      return (
        (state === undefined || letter.state === state) &&
        (code === undefined || letter.code === code) &&
        (fingerprint === undefined || letter.fingerprint === fingerprint) &&
        (channel === undefined || letter.channel === channel) &&
        (path === undefined ||
          paths.some((own) => own === path || (path !== "" && own.startsWith(`${path}/`)))) &&
        (since === undefined || letter.received_at >= new Date(since)) &&
        (until === undefined || letter.received_at < new Date(until)) &&
        (q === undefined || letter.payload.includes(q)) &&
        (listed === undefined || listed.includes(String(letter.position)))
      );
    })
    .map(({ position }) => position);
}

async function pages(filter: Record<string, string>, limit: number, total?: number): Promise<bigint[]> {
  const found: bigint[] = [];
  for (let before: bigint | undefined; ; ) {
    const page = await desk.list(readFilter(filter), limit, before);
    assert.ok(page.deadletters.length <= limit);
    if (total !== undefined) {
      const expected = filter.q === undefined ? { letters: total, is_exact: true } : null;
      assert.equal(page.total, expected, `seed ${seed}: total of ${JSON.stringify(filter)}`);
    }
    found.push(...page.deadletters.map(({ position }) => BigInt(position)));
    if (page.next === null) return found;
    before = BigInt(page.next);
  }
}

/** @param other any letter, in the list or not. */
async function compareNeighbours(filter: Record<string, string>, list: readonly bigint[], other: bigint) {
  for (const position of [...list.slice(0, 2), ...list.slice(-1), other]) {
    const found = await desk.neighbours(position, readFilter(filter));
    const at = list.indexOf(position);
    const [newer, older] = [list.findLast((one) => one > position), list.find((one) => one < position)];
    const expected = {
      previous: newer === undefined ? null : String(newer),
      next: older === undefined ? null : String(older),
      index: filter.q !== undefined || at < 0 ? null : at + 1,
      total: filter.q === undefined ? { letters: list.length, is_exact: true } : null,
    };
    assert.equal(found, expected, `seed ${seed}: ${JSON.stringify(filter)} at ${position}`);
  }
}

finding(
  "any filter gives exactly the letters that match, newest first, whatever the size of the page",
  async () => {
    const letters = await lettersNow();
    const sample = () => factory.pick(letters);
    const values: Record<string, () => string> = {
      state: () => factory.pick(["open", "redriven", "discarded"]),
      code: () => sample().code,
      fingerprint: () => sample().fingerprint,
      channel: () => factory.pick([...CHANNELS, "no such channel"]),
      path: () =>
        factory.pick([
          "",
          "/items",
          "/items/#/price",
          "/payment",
          "/order_uid",
          "/order",
          "/item",
          "/nowhere",
        ]),
      since: () => sample().received_at.toISOString(),
      until: () => sample().received_at.toISOString(),
      q: () => factory.pick(["customer-1", "%", "_", "'", "\\", '{"order_uid":"', "nowhere"]),
      positions: () => [0, 1, 1, 2].map(() => sample().position).join(","),
    };
    let found = 0;
    for (let round = 0; round < 150; round++) {
      const filter = Object.fromEntries(
        Object.entries(values)
          .filter(() => factory.random() < 0.3)
          .map(([name, value]) => [name, value()]),
      );
      const { since, until } = filter;
      if (since !== undefined && until !== undefined && since >= until) continue;
      const expected = matching(letters, filter);
      const limit = factory.pick(expected.length > 50 ? [7, 50, 500] : [1, 7, 50]);
      assert.equal(
        await pages(filter, limit, expected.length),
        expected,
        `seed ${seed}: ${JSON.stringify(filter)} by ${limit}`,
      );
      const oldest = await database.transaction((transaction) =>
        findAllPositions(transaction, readFilter(filter), 10_000),
      );
      assert.equal(oldest, expected.toReversed(), `seed ${seed}: oldest first`);
      if (round % 10 === 0) await compareNeighbours(filter, expected, sample().position);
      found += expected.length;
    }
    assert.ok(found > 1_000, `seed ${seed}: only ${found} found in all`);
  },
);

finding("a total is exact for whole groups, and a lower bound for a long time range", async () => {
  const letters = await lettersNow();
  const count = (filter: Record<string, string>, most: number) =>
    database.transaction((transaction) => countPlaces(transaction, readFilter(filter), most));
  const since = letters.at(-1)?.received_at.toISOString() as string;
  const all = BigInt(letters.length);
  assert.equal(await count({}, 10), { letters: all, isExact: true });
  assert.equal(await count({ since }, 10), { letters: 10n, isExact: false });
  assert.equal(await count({ since, path: "/items" }, 3), { letters: 3n, isExact: false });
  assert.equal(await count({ since }, letters.length), { letters: all, isExact: true });
});

finding("a search looks at a bounded number of bytes and goes on where it ended", async () => {
  const large = Buffer.alloc(3 * 1024 * 1024, "x");
  const needle = Buffer.concat([large, Buffer.from("needle")]);
  await appendAll(
    database,
    [needle, ...Array.from({ length: 12 }, () => large)].map((payload) => messageOf(payload)),
  );
  await project();
  const first = await desk.list(readFilter({ q: "needle", code: "too_large" }), 10, undefined);
  assert.is(first.deadletters.length, 0);
  assert.ok((first.searched as number) >= 4 && (first.searched as number) <= 7, String(first.searched));
  assert.ok(first.next);
  assert.is((await pages({ q: "needle", code: "too_large" }, 10)).length, 1);
});

finding("groups count what the letters say", async () => {
  const letters = await lettersNow();
  const { groups, totals } = await desk.overview({}, 500);
  const inState = (state: string, of = letters) => of.filter((letter) => letter.state === state).length;
  for (const group of groups) {
    const own = letters.filter(({ fingerprint }) => fingerprint === group.fingerprint);
    const times = own.map(({ received_at }) => received_at.toISOString()).sort();
    assert.equal(
      [group.count, group.open, group.redriven, group.discarded, group.first_seen, group.last_seen],
      [
        own.length,
        inState("open", own),
        inState("redriven", own),
        inState("discarded", own),
        times[0],
        times.at(-1),
      ],
    );
    assert.equal(group.channels, [...new Set(own.map(({ channel }) => channel))].sort());
    assert.is(
      group.hours.reduce((sum, count) => sum + count, 0),
      own.length,
    );
    assert.ok(Math.abs(group.share - own.length / letters.length) < 1e-9);
  }
  assert.is(
    groups.reduce((sum, { count }) => sum + count, 0),
    letters.length,
  );
  assert.equal(totals, {
    open: inState("open"),
    redriven: inState("redriven"),
    discarded: inState("discarded"),
  });
});

finding("what cannot be meant names its parameter", () => {
  const wrong: [Record<string, unknown>, string][] = [
    [{ state: "Open" }, "state"],
    [{ state: ["open", "open"] }, "state"],
    [{ code: "%" }, "code"],
    [{ fingerprint: "' or 1=1 --" }, "fingerprint"],
    [{ path: "items" }, "path"],
    [{ path: "/a~2" }, "path"],
    [{ since: "yesterday" }, "since"],
    [{ since: "2026-02-30" }, "since"],
    [{ until: "2026-01-01T25:00:00Z" }, "until"],
    [{ since: "2026-01-02", until: "2026-01-01" }, "until"],
    [{ q: "" }, "q"],
    [{ q: "x".repeat(201) }, "q"],
    [{ q: "\ud800" }, "q"],
    [{ channel: "" }, "channel"],
    [{ positions: "" }, "positions"],
    [{ positions: "1,x" }, "positions"],
    [{ positions: "1,9223372036854775808" }, "positions"],
    [{ positions: Array(501).fill(1).join() }, "positions"],
    [{ stat: "open" }, "stat"],
  ];
  for (const [given, parameter] of wrong) {
    try {
      readFilter(given);
    } catch (error) {
      assert.instance(error, InvalidInputError);
      assert.is((error as InvalidInputError).parameter, parameter);
      assert.match((error as Error).message, parameter);
      continue;
    }
    assert.unreachable(JSON.stringify(given));
  }
});

finding.after(async () => {
  await rest[Symbol.asyncDispose]();
  await database[Symbol.asyncDispose]();
});
finding.run();
