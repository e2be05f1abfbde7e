/** Dead letters of several domains in one database are found, masked, tried and counted by their own domain. */
import { readFileSync } from "node:fs";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { AnyDomain, Outcome } from "../../src/contract/domain.ts";
import { InvalidInputError } from "../../src/contract/errors.ts";
import { REJECTION_CODES, reject } from "../../src/contract/rejection.ts";
import { readFilter } from "../../src/deadletter/find/filter.ts";
import { orders } from "../../src/domains/orders/index.ts";
import { STATES } from "../../src/projector/dead-letters-table.ts";
import { createDatabase } from "../support/database.ts";
import { ANN, openDesk } from "../support/desk.ts";
import { appendAll, domainThat, projectAll } from "../support/engine.ts";
import { messageOf } from "../support/messages.ts";

/** Number of projections created by the second domain. */
let projections = 0;

const parcels: AnyDomain = {
  ...orders,
  name: "parcels",
  personalNames: ["holder"],
  createProjection: () => {
    projections += 1;
    return { project: async (batch) => ({ outcomes: batch.map(({ payload }) => outcomeOf(payload)) }) };
  },
};
const unknown = domainThat(async (batch) => ({ outcomes: batch.map(({ payload }) => outcomeOf(payload)) }), {
  ...orders,
  name: "retired",
});

/** Every domain rejects empty payloads at the root, so fingerprints are the same as in orders. */
function outcomeOf(payload: Buffer): Outcome {
  const problem =
    payload.length === 0
      ? { path: "", rule: "not_empty", expected: "a JSON document", received: "no bytes" }
      : { path: "/holder", rule: "type", expected: "a text", received: "object", excerpt: "Ann Other" };
  return { kind: "dead", rejection: reject(payload.length === 0 ? "empty" : "schema", problem) };
}

const domains = suite("dead letters of several domains");
const database = await createDatabase();
const { desk, ...rest } = await openDesk(database, [orders, parcels], [orders.name]);

async function bury(domain: AnyDomain, ...payloads: string[]): Promise<bigint[]> {
  const messages = payloads.map((payload) => messageOf(payload));
  const { receipts } = await appendAll(database, messages, domain);
  await projectAll(database, domain);
  return receipts.map(({ position }) => position);
}

const PERSONAL = '{"holder":"Ann Other","name":"Bob Other"}';
const [orderLetter = 0n] = await bury(orders, "", PERSONAL, "garbage");
const parcelLetters = await bury(parcels, "", "", PERSONAL);
const [unknownLetter = 0n] = await bury(unknown, PERSONAL);

const groupsOf = async (domain?: string) => (await desk.overview({ domain }, 500)).groups;
const emptyGroup = async (domain: string) =>
  (await groupsOf()).find((group) => group.domain === domain && group.code === "empty");

domains("groups with one fingerprint in two domains keep their hours apart", async () => {
  const [own, other] = [await emptyGroup("orders"), await emptyGroup("parcels")];
  assert.is(own?.fingerprint, other?.fingerprint);
  const sum = (hours: readonly number[] = []) => hours.reduce((total, count) => total + count, 0);
  assert.equal([own?.count, sum(own?.hours)], [1, 1]);
  assert.equal([other?.count, sum(other?.hours)], [2, 2]);
});

domains("a group came back only after a redrive in its own domain", async () => {
  await desk.redrive(orderLetter, undefined, ANN);
  await projectAll(database, orders);
  const [redrive] = (await desk.biography(orderLetter)).actions;
  await bury(parcels, "");
  assert.is((await emptyGroup("orders"))?.came_back_after, redrive?.at);
  assert.is((await emptyGroup("parcels"))?.came_back_after, null);
});

domains("the filter `domain` gives the letters, groups and totals of that domain alone", async () => {
  for (const domain of ["orders", "parcels"]) {
    const { deadletters } = await desk.list(readFilter({ domain }), 500, undefined);
    const { rows } = await database.query(
      "select count(*)::int as letters from dead_letters where domain = $1",
      [domain],
    );
    assert.is(deadletters.length, rows[0]?.letters);
    assert.equal([...new Set(deadletters.map((letter) => letter.domain))], [domain]);
    const overview = await desk.overview({ domain }, 500);
    assert.equal([...new Set(overview.groups.map((group) => group.domain))], [domain]);
    const { open, redriven, discarded } = overview.totals;
    assert.is(open + redriven + discarded, deadletters.length);
    assert.is(
      overview.trend.hours.reduce((sum, count) => sum + count, 0),
      deadletters.length,
    );
    const openLetters = deadletters.filter(({ state }) => state === "open");
    assert.is(overview.oldest_open?.position, openLetters.at(-1)?.position);
  }
  const both = await desk.list(
    readFilter({ domain: "parcels", code: "empty", state: "open" }),
    500,
    undefined,
  );
  assert.is(both.deadletters.length, 3);
});

domains("a domain that does not exist is refused, and the answer names those that do", async () => {
  const filter = readFilter({ domain: "parcel" });
  for (const work of [
    () => desk.list(filter, 10, undefined),
    async () => desk.overview(filter, 10),
    () => desk.tryRedriveMany(filter, 10),
    () => desk.redriveMany(filter, 10, 0, ANN),
  ]) {
    const error: unknown = await work().catch((reason: unknown) => reason);
    assert.instance(error, InvalidInputError);
    assert.is((error as InvalidInputError).parameter, "domain");
    assert.match((error as Error).message, "known domains: orders, parcels");
  }
});

domains(
  "a letter is masked by the personal names of its own domain, or of all if that is unknown",
  async () => {
    const contentOf = async (position: bigint) => (await desk.show(position)).payload.content;
    const [, position = 0n] = await bury(orders, "", PERSONAL);
    assert.is(await contentOf(position), '{"holder":"Ann Other","name":"•••••••••"}');
    assert.is(await contentOf(parcelLetters[2] ?? 0n), '{"holder":"•••••••••","name":"Bob Other"}');
    assert.is(await contentOf(unknownLetter), '{"holder":"•••••••••","name":"•••••••••"}');
    const listed = JSON.stringify([
      await desk.list({}, 500, undefined),
      await desk.biography(parcelLetters[2] ?? 0n),
      await desk.biography(unknownLetter),
    ]);
    assert.not.match(listed, "Ann Other");
  },
);

domains("a dry run counts the letters of domains that do not run here, and says of which", async () => {
  const { rows } = await database.query(
    "select domain, count(*)::int as letters from dead_letters where state = 'open' group by domain",
  );
  const open = Object.fromEntries(rows.map(({ domain, letters }) => [domain, letters]));
  const run = await desk.tryRedriveMany({}, 500);
  assert.equal(run.not_run_here, { parcels: open.parcels, retired: open.retired });
  assert.is(run.dead, open.orders);
  assert.is(run.letters, open.orders + open.parcels + open.retired);
});

domains("a bulk redrive takes the letters of one domain, and says how to choose it", async () => {
  const error = await desk.redriveMany({}, 500, 0, ANN).catch((reason: unknown) => reason);
  assert.match(String(error), /several domains \(orders, parcels, retired\): add the filter domain/);
  const { domain, letters } = await desk.redriveMany(readFilter({ domain: "parcels" }), 500, 0, ANN);
  assert.equal([domain, letters], ["parcels", 4]);
});

domains("each trial and each dry run has a projection of its own", async () => {
  await using here = await openDesk(database, [parcels]);
  const before = projections;
  await here.desk.tryRedrive(parcelLetters[0] ?? 0n, undefined);
  assert.is(projections, before + 1);
  const run = await here.desk.tryRedriveMany(readFilter({ domain: "parcels" }), 500);
  assert.equal([run.dead, projections], [4, before + 2]);
});

domains("the codes and states of the database are those of the code", async () => {
  const { rows } = await database.admin(
    `select conname as name, pg_get_constraintdef(oid) as definition from pg_constraint
     where conname ~ '^(dead_letters_(code|state)|operator_actions_state)_check$' order by conname`,
  );
  const valuesOf = (definition: string) =>
    [...definition.matchAll(/'(\w+)'::text/g)].map(([, value]) => value);
  assert.equal(
    rows.map(({ name, definition }) => [name, valuesOf(definition)]),
    [
      ["dead_letters_code_check", [...REJECTION_CODES]],
      ["dead_letters_state_check", [...STATES]],
      ["operator_actions_state_check", [...STATES]],
    ],
  );
});

domains("the page offers every code and state", () => {
  const html = readFileSync("src/http/ui/dead-letter-list.html", "utf8");
  for (const [name, values] of [
    ["code", REJECTION_CODES],
    ["state", STATES],
  ] as const) {
    const [, options = ""] = new RegExp(`<select name="${name}">(.*?)</select>`, "s").exec(html) ?? [];
    assert.equal(
      [...options.matchAll(/<option>(\w+)/g)].map(([, value]) => value),
      [...values],
    );
  }
});

domains.after(async () => {
  await rest[Symbol.asyncDispose]();
  await database[Symbol.asyncDispose]();
});
domains.run();
