/** Orders that become due within batches: the tables are the same for any batches and in a rebuild. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { audit } from "../../../src/audit/audit.ts";
import { loms } from "../../../src/domains/loms/index.ts";
import { Handover } from "../../../src/projector/handover.ts";
import { projectingOf, projectNext } from "../../../src/projector/project.ts";
import { rebuild } from "../../../src/rebuild/rebuild.ts";
import { createLogger } from "../../../src/telemetry/logger.ts";
import { createDatabase, type TestDatabase } from "../../support/database.ts";
import { projectAll } from "../../support/engine.ts";
import { type Asked, cancel, order, pay, stock, tick } from "../../support/loms/loms.ts";
import { receive } from "../../support/loms/timed.ts";
import { randomOf } from "../../support/random.ts";

const SEED = Number(process.env.WAYBILL_TEST_SEED ?? Math.floor(Math.random() * 2 ** 31));
const projection = suite(`projection of loms (seed ${SEED})`);

projection("any batching and a rebuild give the same orders, stocks, changes and events", async () => {
  const random = randomOf(SEED);
  const commands = commandsOverHours(random);
  const batchings: (() => number)[] = [() => 1_000, () => 1, () => 1 + Math.floor(random() * 40)];
  let first: Record<string, unknown[]> | undefined;
  for (const rowsMax of batchings) {
    await using database = await createDatabase();
    await receive(database, commands);
    const live = projectingOf(loms, { isLive: true });
    while ((await projectNext(database, live, new Handover(), rowsMax())).rows.length > 0);
    const found = await everythingOf(database);
    first ??= found;
    assert.equal(found, first);
    const report = await audit(database, [loms], { isFull: true });
    assert.ok(
      report.holds,
      JSON.stringify(report.domains.loms, (_name, value) => value?.toString()),
    );
    const { changes } = await rebuild({
      ownerUrl: database.ownerUrl,
      domain: loms,
      isDryRun: false,
      logger: createLogger("silent"),
      signal: new AbortController().signal,
      onProgress: () => {},
    });
    assert.equal(changes, []);
    assert.equal(await everythingOf(database), first);
  }
  const statuses = new Set(
    ((first as Record<string, unknown[]>).loms_changes as { row: string }[]).map(
      ({ row }) => JSON.parse(row).status,
    ),
  );
  assert.is(statuses.size, 5);
});

projection("nobody can take the id of a tick, and so stop the time", async () => {
  await using database = await createDatabase();
  const id = "2026-01-01T00:10:00.000Z";
  await receive(database, [stock(1002, 5), order({ 1002: 5 }, { id }), { ...tick(600), id }]);
  await projectAll(database, loms);
  const { rows } = await database.query("select status from loms_orders");
  assert.equal(rows, [{ status: "cancelled" }]);
});

projection.run();

/** Between two of them some seconds pass, and now and then a quarter of an hour. Times are not monotone. */
function commandsOverHours(random: () => number): Asked[] {
  const upTo = (max: number) => 1 + Math.floor(random() * max);
  let at = 0;
  let orders = 1;
  const commands: Asked[] = [stock(1002, 5_000, 3), stock(1003, 60, 10), order({ 9: 1 })];
  while (commands.length < 300) {
    at += upTo(random() < 0.03 ? 900 : 30) - 5;
    const kind = random();
    const item = { sku: 1002 + upTo(2) - 1, count: upTo(9) };
    const next =
      kind < 0.5
        ? order([item, { sku: 1002, count: upTo(5) }])
        : kind < 0.7
          ? pay(upTo(orders))
          : kind < 0.9
            ? cancel(upTo(orders))
            : tick(0);
    if (next.type === "order.create") orders += 1;
    commands.push({ ...next, at: Math.max(0, at) });
  }
  return commands;
}

async function everythingOf(database: TestDatabase): Promise<Record<string, unknown[]>> {
  const found: Record<string, unknown[]> = {};
  for (const { name, key } of loms.tables) {
    const { rows } = await database.admin(
      `select row_to_json(t)::text as row from ${name} as t order by ${key.join(", ")}`,
    );
    found[name] = rows;
  }
  const { rows } = await database.admin(
    "select position, ordinal, topic, key, payload, headers from outbox order by position, ordinal",
  );
  found.outbox = rows;
  return found;
}
