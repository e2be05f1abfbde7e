import { test } from "uvu";
import * as assert from "uvu/assert";
import { audit, type DomainAudit } from "../../src/audit/audit.ts";
import { PROJECTED } from "../../src/contract/domain.ts";
import type { InboxRow } from "../../src/contract/message.ts";
import { orders as domain } from "../../src/domains/orders/index.ts";
import { CheckpointWatch } from "../../src/projector/checkpoint-watch.ts";
import { beginProjection } from "../../src/projector/checkpoints-table.ts";
import { Handover } from "../../src/projector/handover.ts";
import { projectingOf, projectNext } from "../../src/projector/project.ts";
import { Projector } from "../../src/projector/projector.ts";
import { createLogger } from "../../src/telemetry/logger.ts";
import { OrderFactory } from "../../tools/domains/orders/factory.ts";
import { ordersKit } from "../../tools/domains/orders/index.ts";
import { makeGarbage } from "../../tools/publisher/garbage.ts";
import { createDatabase } from "../support/database.ts";
import { appendAll, domainThat, projectAll, projectOne, tablesOf } from "../support/engine.ts";
import { messageOf, mixedMessages, orderWith } from "../support/messages.ts";
import { until } from "../support/wait.ts";

test("invariant 5: the projection and its checkpoint are committed together, or neither", async () => {
  await using database = await createDatabase();
  await appendAll(database, mixedMessages(50));
  // A deferred constraint, so that the commit fails after everything was written.
  await database.admin(`
    create function fail() returns trigger language plpgsql as $$ begin raise exception 'at the commit' using errcode = '57000'; end $$;
    create constraint trigger fail after insert on orders deferrable initially deferred for each row execute function fail()`);
  await projectOne(database, domain).then(
    () => assert.unreachable(),
    (error: Error) => assert.is(error.message, "at the commit"),
  );
  const { orders, deadLetters, checkpoints } = await tablesOf(database);
  assert.equal([orders.length, deadLetters.length, checkpoints.length], [0, 0, 0]);
  await database.admin("drop trigger fail on orders");
  await projectAll(database, domain);
  assert.ok((await audit(database, [domain])).holds);
});

test("invariant 5: many projectors at once, and every wake-up twice, change nothing", async () => {
  await using database = await createDatabase();
  const projectors = Array.from({ length: 4 }, () => {
    return new Projector({
      database: database,
      domain,
      logger: createLogger("silent"),
      onProjected: () => {},
    });
  });
  const reaching: Promise<void>[] = [];
  for (const messages of [mixedMessages(300, 1), mixedMessages(300, 2), mixedMessages(300, 3)]) {
    const { upTo } = await appendAll(database, messages);
    for (const projector of projectors)
      reaching.push(projector.reach(upTo ?? 0n), projector.reach(upTo ?? 0n), projector.reach(1n));
  }
  await Promise.all(reaching);
  const report = await audit(database, [domain]);
  assert.ok(report.holds);
  assert.is(report.domains.orders?.pending, 0n);
  assert.is(report.domains.orders?.received, 900n);
});

test("invariant 5: concurrent projectors have each effect once, even if no unique key would stop them", async () => {
  await using database = await createDatabase();
  await database.admin("create table effects (position bigint); grant all on effects to waybill");
  // An existing row: creating it would serialise the projectors.
  await database.admin("insert into checkpoints (domain) values ('orders')");
  const { upTo } = await appendAll(database, mixedMessages(100));
  const counting = domainThat(async (batch, transaction) => {
    // Long enough for another projector to read the same checkpoint, if it could.
    await transaction.query("select pg_sleep(0.05)");
    const positions = batch.map(({ position }) => String(position));
    await transaction.query("insert into effects select unnest($1::bigint[])", [positions]);
    return { outcomes: batch.map(() => PROJECTED) };
  });
  const projectors = Array.from(
    { length: 4 },
    () =>
      new Projector({
        database,
        domain: counting,
        logger: createLogger("silent"),
        onProjected: () => {},
      }),
  );
  await Promise.all(projectors.map((projector) => projector.reach(upTo ?? 0n)));
  const { rows } = await database.admin(
    "select count(*)::int as all, count(distinct position)::int as once from effects",
  );
  assert.equal(rows, [{ all: 100, once: 100 }]);
});

test("invariant 5: the checkpoint row is locked while a batch is projected", async () => {
  await using database = await createDatabase();
  await appendAll(database, mixedMessages(10));
  let projecting: Promise<unknown> = Promise.resolve();
  await database.transaction(async (transaction) => {
    await beginProjection(transaction, "orders", { isDurable: false });
    projecting = projectOne(database, domain);
    await until("the projector waits for the lock", async () => {
      const { rows } = await database.admin(
        "select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
      );
      return rows.length > 0;
    });
    assert.is((await tablesOf(database)).orders.length, 0);
  });
  await projecting;
  assert.ok((await tablesOf(database)).orders.length > 0);
});

test("invariant 6: the same inbox gives the same tables, however it is cut into batches", async () => {
  await using database = await createDatabase();
  const messages = mixedMessages(400);
  const handover = new Handover();
  // Once from memory, in batches of uneven size …
  for (let from = 0, size = 1; from < messages.length; from += size, size = (size * 7) % 61) {
    const batch = messages.slice(from, from + size);
    handover.put(batch, await appendAll(database, batch));
    await projectOne(database, domain, handover);
  }
  const first = await tablesOf(database);
  assert.ok(first.orders.length > 100 && first.duplicates.length > 20 && first.deadLetters.length > 50);
  // … and once from the table, from position 0.
  await database.admin("truncate orders, duplicates, dead_letters, checkpoints");
  await projectAll(database, domain);
  assert.equal(await tablesOf(database), first);
});

test("invariant 7: the audit finds each position that was lost, doubled or made up", async () => {
  await using database = await createDatabase();
  const { receipts } = await appendAll(database, mixedMessages(200));
  await projectAll(database, domain);
  const counts = async () => (await audit(database, [domain], { isFull: true })).domains.orders;
  const before = await counts();
  assert.is(before?.broken, 0n);
  assert.is(before?.received, 200n);
  assert.is((before?.projected ?? 0n) + (before?.duplicate ?? 0n) + (before?.dead ?? 0n), 200n);

  const { orders, deadLetters } = await tablesOf(database);
  const lost = BigInt(orders[0].position);
  const doubled = BigInt(deadLetters[0].position);
  const madeUp = (receipts.at(-1)?.position ?? 0n) + 1_000n;
  await database.admin(`delete from orders where position = ${lost}`);
  await database.admin(`insert into duplicates values (${doubled}, 'orders', 0), (${madeUp}, 'orders', 0)`);
  const after = await counts();
  assert.equal(
    after?.discrepancies,
    [lost, doubled, madeUp].sort((a, b) => Number(a - b)),
  );
  assert.is(after?.broken, 3n);
});

test("invariant 7: an outcome above the checkpoint is found, and what is not processed yet is pending", async () => {
  await using database = await createDatabase();
  const { receipts } = await appendAll(database, mixedMessages(5));
  assert.is((await audit(database, [domain])).domains.orders?.pending, 5n);
  const early = receipts[4]?.position as bigint;
  await database.admin(`insert into duplicates values (${early}, 'orders', 0)`);
  assert.equal((await audit(database, [domain])).domains.orders?.discrepancies, [early]);
});

test("the running totals say what the audit counts", async () => {
  await using database = await createDatabase();
  const watch = () =>
    new CheckpointWatch({
      database,
      domain: "orders",
      logger: createLogger("silent"),
      failure: () => undefined,
      onRebuilt: () => {},
    });
  const running = watch();
  await running.counts();
  for (const seed of [1, 2, 3]) {
    await appendAll(database, mixedMessages(100, seed));
    if (seed < 3) await projectAll(database, domain);
    const found = (await audit(database, [domain])).domains.orders as DomainAudit;
    const { received, projected, duplicate, dead, pending } = found;
    const counted = { received, projected, duplicate, dead, pending };
    assert.equal(await running.counts(), counted);
    assert.equal(await watch().counts(), counted);
  }
  await running.look();
  assert.ok(running.oldestPendingSeconds > 0);
});

test("invariant 8: the first write of an id wins; the same bytes are a duplicate, others a conflict", async () => {
  await using database = await createDatabase();
  const original = orderWith({ order_uid: "first" });
  const changed = orderWith({ order_uid: "first", locale: "de" });
  const project = async (...payloads: Buffer[]) => {
    const { receipts } = await appendAll(
      database,
      payloads.map((payload) => messageOf(payload)),
    );
    await projectAll(database, domain);
    return receipts.map(({ position }) => position);
  };
  // Within one batch, and then against stored rows.
  const [first, copy, conflict] = await project(original, original, changed);
  const [laterCopy, laterConflict] = await project(original, changed);
  const { orders, duplicates, deadLetters } = await tablesOf(database);
  assert.equal(
    orders.map(({ position, payload }) => [position, payload]),
    [[first, original]],
  );
  assert.equal(
    duplicates.map((row) => [row.position, row.original_position]),
    [
      [copy, first],
      [laterCopy, first],
    ],
  );
  assert.equal(
    deadLetters.map((row) => [row.position, row.code, row.original_position]),
    [
      [conflict, "conflict", first],
      [laterConflict, "conflict", first],
    ],
  );
  // For the operator.
  assert.equal(deadLetters[0].errors[0].positions, { expected: String(first), received: String(conflict) });
});

/** A domain that throws for some messages and counts the rest. */
function fragileDomain(fail: (row: InboxRow) => void) {
  return domainThat(async (batch, transaction) => {
    for (const row of batch) {
      await transaction.query("insert into orders values ($1, $2, 'c', 't', now())", [
        `order ${row.position}`,
        String(row.position),
      ]);
      fail(row);
    }
    return { outcomes: batch.map(() => PROJECTED) };
  });
}

test("invariant 9: an unexpected exception buries the one message and no other", async () => {
  await using database = await createDatabase();
  const { receipts } = await appendAll(
    database,
    ["a", "bad", "b", "worse", "c"].map((text) => messageOf(text)),
  );
  const fragile = fragileDomain(({ payload }) => {
    if (payload.toString() === "bad") throw new TypeError("cannot read properties of undefined");
    if (payload.toString() === "worse") throw "a string";
  });
  await projectOne(database, fragile);
  const { orders, deadLetters } = await tablesOf(database);
  const position = (index: number) => receipts[index]?.position;
  assert.equal(
    orders.map((row) => row.position),
    [position(0), position(2), position(4)],
  );
  assert.equal(
    deadLetters.map((row) => [row.position, row.code, row.errors[0].rule]),
    [
      [position(1), "projection_failed", "TypeError"],
      [position(3), "projection_failed", "string"],
    ],
  );
  assert.ok((await audit(database, [domain])).holds);
});

test("invariant 9: data that PostgreSQL refuses buries the one message, by its SQLSTATE", async () => {
  await using database = await createDatabase();
  await appendAll(
    database,
    ["a", "divide", "b"].map((text) => messageOf(text)),
  );
  const dividing = domainThat(async (batch, transaction) => {
    for (const { position, payload } of batch) {
      await transaction.query("select 1 / $1::int", [payload.toString() === "divide" ? 0 : 1]);
      await transaction.query("insert into orders values ($1, $2, 'c', 't', now())", [
        `${position}`,
        `${position}`,
      ]);
    }
    return { outcomes: batch.map(() => PROJECTED) };
  });
  await projectOne(database, dividing);
  const { orders, deadLetters } = await tablesOf(database);
  assert.is(orders.length, 2);
  assert.equal(
    deadLetters.map((row) => [row.code, row.errors[0].rule]),
    [["projection_failed", "SQLSTATE 22012"]],
  );
});

test("invariant 10: a lost connection is tried again and never makes a dead letter", async () => {
  await using database = await createDatabase();
  const { upTo } = await appendAll(database, mixedMessages(20));
  let kills = 0;
  const projection = domain.createProjection();
  const interrupted = domainThat(async (batch, transaction) => {
    if (kills < 3) {
      kills++;
      const { rows } = await transaction.query<{ pid: number }>("select pg_backend_pid() as pid");
      await database.admin("select pg_terminate_backend($1)", [rows[0]?.pid]);
    }
    return projection.project(batch, transaction);
  });
  const projector = new Projector({
    database: database,
    domain: interrupted,
    logger: createLogger("silent"),
    onProjected: () => {},
  });
  await projector.reach(upTo ?? 0n);
  assert.is(kills, 3);
  const { deadLetters } = await tablesOf(database);
  assert.is(deadLetters.filter(({ code }) => code === "projection_failed").length, 0);
  assert.ok((await audit(database, [domain])).holds);
});

test("invariant 10: a missing table and a full disk are faults, even if their message suggests bad data", async () => {
  await using database = await createDatabase();
  await appendAll(database, mixedMessages(5));
  for (const sqlState of ["42P01", "53100", "57014", "40001", "40P01", "08006"]) {
    const failing = domainThat(async (_batch, transaction) => {
      await transaction.query(
        `do $$ begin raise exception 'value out of range' using errcode = '${sqlState}'; end $$`,
      );
      return { outcomes: [] };
    });
    await projectOne(database, failing).then(
      () => assert.unreachable(`${sqlState} was not a fault`),
      (error: { sqlState?: string }) => assert.is(error.sqlState, sqlState),
    );
  }
  assert.is((await tablesOf(database)).deadLetters.length, 0);
});

test("a batch from memory is used only if it begins exactly at the checkpoint", async () => {
  await using database = await createDatabase();
  const handover = new Handover();
  const [early, unseen, late] = [mixedMessages(5, 1), mixedMessages(5, 2), mixedMessages(5, 3)] as const;
  handover.put(early, await appendAll(database, early));
  await appendAll(database, unseen);
  handover.put(late, await appendAll(database, late));
  await projectOne(database, domain, handover);
  await projectOne(database, domain, handover);
  await projectOne(database, domain, handover);
  const report = await audit(database, [domain]);
  assert.ok(report.holds);
  assert.is(report.domains.orders?.pending, 0n);
});

test("memory is freed of what another process projected, even while that process has the turn", async () => {
  await using database = await createDatabase();
  const handover = new Handover();
  const [early, late] = [mixedMessages(5, 1), mixedMessages(5, 2)] as const;
  const { upTo = 0n, ...appended } = await appendAll(database, early);
  handover.put(early, { ...appended, upTo });
  await projectAll(database, domain);
  handover.put(late, await appendAll(database, late));
  await database.transaction(async (transaction) => {
    await beginProjection(transaction, domain.name, domain);
    const projecting = projectingOf(domain, { isLive: true });
    const { isTaken } = await projectNext(database, projecting, handover, undefined, "skip");
    assert.ok(isTaken);
  });
  assert.is(handover.take(0n, 100).length, 0);
  assert.is(handover.take(upTo, 100).length, 5);
});

test("garbage of every kind is projected from memory and from the table alike", async () => {
  await using database = await createDatabase();
  const factory = new OrderFactory(5);
  const messages = Array.from({ length: 100 }, () => messageOf(makeGarbage(ordersKit, factory).payload));
  await appendAll(database, messages);
  await projectAll(database, domain);
  assert.is((await tablesOf(database)).deadLetters.length, 100);
});

test.run();
