/** Bulk discard and bulk restore. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { InvalidInputError, WrongStateError } from "../../src/contract/errors.ts";
import { readFilter } from "../../src/deadletter/find/filter.ts";
import { stepBulkDecision } from "../../src/deadletter/repair/bulk-decision.ts";
import { createDatabase } from "../support/database.ts";
import { ANN, openDesk } from "../support/desk.ts";
import { errorOf } from "../support/error.ts";

const bulk = suite("bulk discard and restore");
const database = await createDatabase();
const context = await openDesk(database);
const { desk, receive } = context;

/** Each test has a channel of its own: its payloads hold the name. */
const garbageOf = (name: string, count: number) =>
  receive(...Array.from({ length: count }, (_none, index) => `${name} ${index}`));
const listOf = (positions: readonly bigint[]) => readFilter({ positions: positions.join(",") });
const bob = { author: "Bob", reason: "not needed" };

async function statesOf(positions: readonly bigint[]): Promise<Record<string, number>> {
  const { rows } = await database.query<{ state: string; letters: number }>(
    "select state, count(*)::int as letters from dead_letters where position = any($1::bigint[]) group by state",
    [positions.map(String)],
  );
  return Object.fromEntries(rows.map(({ state, letters }) => [state, letters]));
}

bulk("a small set is decided at once; letters moved by others are skipped and counted", async () => {
  const positions = await garbageOf("small", 12);
  await desk.discard(positions[3] as bigint, ANN);
  await desk.redrive(positions[4] as bigint, undefined, ANN);
  const done = await desk.decisions.begin("discard", listOf(positions), 1_000, bob);
  assert.equal([done.status, done.letters, done.decided, done.skipped], ["finished", 12, 10, 2]);
  assert.equal(await statesOf(positions), { discarded: 11, redriven: 1 });
  const { actions } = await desk.biography(positions[0] as bigint);
  assert.equal(
    actions.map(({ action, author, reason, bulk_decision }) => [action, author, reason, bulk_decision]),
    [["discard", "Bob", "not needed", done.id]],
  );
  const restored = await desk.decisions.begin("restore", listOf(positions), 1_000, bob);
  assert.equal([restored.decided, restored.skipped], [11, 1]);
  assert.equal(await statesOf(positions), { open: 11, redriven: 1 });
  const { decisions } = await desk.decisions.list();
  assert.equal(
    decisions.map(({ action }) => action),
    ["restore", "discard"],
  );
});

bulk("a large set takes steps, survives its worker and is cancelled between steps", async () => {
  const positions = await garbageOf("large", 2_300);
  const filter = readFilter({ q: "large" });
  assert.is((await desk.decisions.count("discard", filter, 10_000)).letters, 2_300);
  const begun = await desk.decisions.begin("discard", filter, 10_000, bob);
  assert.equal([begun.status, begun.letters, begun.decided], ["running", 2_300, 1_000]);
  const { rows: jobs } = await database.admin(
    "select data ->> 'id' as id from pgboss.job where name = 'bulk-decision'",
  );
  assert.equal(jobs, [{ id: begun.id }]);

  // Between the steps: one letter is redriven, and letters that match arrive.
  await desk.redrive(positions.at(-1) as bigint, undefined, ANN);
  const late = await garbageOf("large and late", 2);
  const id = BigInt(begun.id);
  // Two workers, as after a retry of the job.
  await Promise.all([stepBulkDecision(database, id), stepBulkDecision(database, id)]);
  const done = await desk.decisions.show(id);
  assert.equal([done.status, done.decided, done.skipped], ["finished", 2_299, 1]);
  assert.equal(await statesOf(positions), { discarded: 2_299, redriven: 1 });
  assert.equal(await statesOf(late), { open: 2 });
  const { rows } = await database.admin(
    "select count(*)::int as acts, count(distinct position)::int as letters from operator_actions where decision_id = $1 and action = 'discard'",
    [begun.id],
  );
  assert.equal(rows, [{ acts: 2_299, letters: 2_299 }]);

  const again = await desk.decisions.begin("restore", readFilter({ q: "large" }), 10_000, bob);
  assert.is((await desk.decisions.cancel(BigInt(again.id), ANN)).status, "cancelled");
  assert.ok(await stepBulkDecision(database, BigInt(again.id)));
  assert.equal(await statesOf(positions), { discarded: 1_299, open: 1_000, redriven: 1 });
  const late409 = await errorOf(desk.decisions.cancel(BigInt(again.id), ANN));
  assert.instance(late409, WrongStateError);
});

bulk("two that overlap decide each letter once, and so do a discard and a redrive", async () => {
  const positions = await garbageOf("shared", 400);
  const { domain } = context;
  const runs = await Promise.all([
    desk.decisions.begin("discard", listOf(positions.slice(0, 300)), 1_000, bob),
    desk.decisions.begin("discard", listOf(positions.slice(100)), 1_000, ANN),
  ]);
  assert.is(runs[0].decided + runs[1].decided, 400);
  assert.is(runs[0].skipped + runs[1].skipped, 200);
  assert.equal(await statesOf(positions), { discarded: 400 });

  await desk.decisions.begin("restore", listOf(positions), 1_000, bob);
  const redrive = await desk.redriveMany(readFilter({ q: "shared", domain: domain.name }), 1_000, 400, ANN);
  const discard = await desk.decisions.begin("discard", listOf(positions.slice(200)), 1_000, bob);
  while ((await context.step(BigInt(redrive.id))).kind !== "ended");
  const { redriven, skipped } = await desk.bulk(BigInt(redrive.id));
  assert.equal([discard.decided, redriven, skipped], [200, 200, 200]);
  assert.equal(await statesOf(positions), { discarded: 200, redriven: 200 });
});

bulk("without a match, or from the wrong state, nothing begins", async () => {
  const wrong: [Parameters<typeof desk.decisions.begin>[0], Record<string, string>, string][] = [
    ["discard", { code: "conflict" }, "filter"],
    ["discard", { state: "discarded" }, "state"],
    ["restore", { state: "open" }, "state"],
    ["restore", { domain: "order" }, "domain"],
  ];
  const before = (await desk.decisions.list()).decisions.length;
  for (const [action, filter, parameter] of wrong) {
    const error = await errorOf(desk.decisions.begin(action, readFilter(filter), 10, ANN));
    assert.instance(error, InvalidInputError);
    assert.is((error as InvalidInputError).parameter, parameter);
  }
  assert.is((await desk.decisions.list()).decisions.length, before);
});

bulk.after(async () => {
  await context[Symbol.asyncDispose]();
  await database[Symbol.asyncDispose]();
});
bulk.run();
