/** Incremental audits, and what they check again. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type AuditOptions, audit, type DomainAudit } from "../../src/audit/audit.ts";
import { orders } from "../../src/domains/orders/index.ts";
import { rebuild } from "../../src/rebuild/rebuild.ts";
import { createLogger } from "../../src/telemetry/logger.ts";
import { createDatabase, type TestDatabase } from "../support/database.ts";
import { appendAll, projectAll } from "../support/engine.ts";
import { mixedMessages } from "../support/messages.ts";

const audits = suite("audit");

/** A database with projected messages, and its audits. */
async function scene() {
  const database = await createDatabase();
  const auditOrders = async (options: AuditOptions = {}) => {
    const report = await audit(database, [orders], options);
    return { holds: report.holds, storage: report.storage, ...(report.domains.orders as DomainAudit) };
  };
  const take = async (count: number, seed: number) => {
    await appendAll(database, mixedMessages(count, seed));
    await projectAll(database, orders);
  };
  return {
    database,
    domain: orders,
    auditOrders,
    take,
    [Symbol.asyncDispose]: () => database[Symbol.asyncDispose](),
  };
}

const countsOf = ({ received, projected, duplicate, dead, pending }: DomainAudit) => {
  return { received, projected, duplicate, dead, pending };
};

/** Only the superuser may change proofs. */
async function age(database: TestDatabase, interval: string): Promise<void> {
  await database.admin("alter table proofs disable trigger user");
  await database.admin("update proofs set audited_at = audited_at - $1::interval", [interval]);
  await database.admin("alter table proofs enable trigger user");
}

audits("reads on from the last proof, and counts what that has proved", async () => {
  await using here = await scene();
  await here.take(100, 1);
  const first = await here.auditOrders();
  assert.is(first.provedBefore, 0n);
  assert.is(first.received, 100n);
  await here.take(150, 2);
  await appendAll(here.database, mixedMessages(7, 3));
  const second = await here.auditOrders();
  assert.is(second.provedBefore, 100n);
  assert.is(second.received, 257n);
  assert.is(second.pending, 7n);
  assert.equal(second.fullAt, first.fullAt);
  const whole = await here.auditOrders({ isFull: true });
  assert.is(whole.provedBefore, 0n);
  assert.equal(countsOf(second), countsOf(whole));
  assert.equal(countsOf(await here.auditOrders()), countsOf(whole));
});

audits("what breaks above the last proof is found; below it, by the audit of everything", async () => {
  await using here = await scene();
  const { database } = here;
  await here.take(100, 1);
  assert.ok((await here.auditOrders()).holds);
  await here.take(100, 2);
  const { rows } = await database.admin(
    "select min(position)::bigint as below, max(position)::bigint as above from duplicates",
  );
  const { below, above } = rows[0];
  await database.admin("create table kept as select * from duplicates");
  await database.admin(`delete from duplicates where position = ${above}`);
  assert.equal((await here.auditOrders()).discrepancies, [BigInt(above)]);
  await database.admin(`delete from duplicates where position = ${below}`);
  // After a violation every audit reads everything until it is repaired.
  assert.equal((await here.auditOrders()).discrepancies, [BigInt(below), BigInt(above)]);
  await database.admin("insert into duplicates select * from kept on conflict do nothing");
  const mended = await here.auditOrders();
  assert.equal([mended.holds, mended.provedBefore, mended.received], [true, 0n, 200n]);
  assert.is((await here.auditOrders()).provedBefore, 200n);

  await database.admin(`delete from duplicates where position = ${below}`);
  // Messages received shortly before a proof may have been committed after it, so they are read again.
  assert.equal((await here.auditOrders()).discrepancies, [BigInt(below)]);
  await database.admin("insert into duplicates select * from kept on conflict do nothing");
  await database.admin("alter table inbox disable trigger user");
  await database.admin("update inbox set received_at = received_at - interval '1 hour'");
  await database.admin("alter table inbox enable trigger user");
  assert.ok((await here.auditOrders()).holds);

  await database.admin(`delete from duplicates where position = ${below}`);
  assert.ok((await here.auditOrders()).holds, "it was proved, and is not read again …");
  assert.not((await here.auditOrders({ isFull: true })).holds, "… until everything is");
  assert.not((await here.auditOrders()).holds);
  // Another process's incremental proof does not revoke a violation.
  await database.admin(`
    insert into proofs (domain, generation, position, projected, duplicate, dead, broken, is_full, numbered_position, numbering, bytes)
    select domain, generation, position, projected, duplicate, dead, broken, false, numbered_position, numbering, bytes
    from proofs where broken = 0 order by id desc limit 1`);
  assert.not((await here.auditOrders()).holds);
});

audits("everything is read again after a day, and after a rebuild", async () => {
  await using here = await scene();
  await here.take(50, 1);
  await here.auditOrders();
  assert.is((await here.auditOrders()).provedBefore, 50n);
  await age(here.database, "25 hours");
  assert.is((await here.auditOrders()).provedBefore, 0n);
  assert.is((await here.auditOrders()).provedBefore, 50n);
  await rebuild({
    ownerUrl: here.database.ownerUrl,
    domain: here.domain,
    isDryRun: false,
    logger: createLogger("silent"),
    signal: new AbortController().signal,
    onProgress: () => {},
  });
  assert.is((await here.auditOrders()).provedBefore, 0n);
});

audits("says how much there is, and how it grows", async () => {
  await using here = await scene();
  await here.take(100, 1);
  const first = await here.auditOrders();
  assert.is(first.messagesPerDay, undefined, "seconds of history say nothing of a day");
  assert.is(first.storage.bytesPerDay, undefined);
  assert.ok((first.storage.tables.get("inbox") ?? 0n) > 100_000n);
  assert.ok(first.storage.tables.has("pgboss"));
  await age(here.database, "12 hours");
  await here.take(200, 2);
  const second = await here.auditOrders();
  const perDay = second.messagesPerDay ?? 0;
  assert.ok(Math.abs(perDay - 400) < 1, `${perDay} a day`);
  assert.ok((second.storage.bytesPerDay ?? 0) > 0);
});

audits("proofs are only ever added", async () => {
  await using here = await scene();
  await here.auditOrders();
  for (const statement of ["update proofs set broken = 0", "delete from proofs", "truncate proofs"]) {
    let code: unknown;
    await here.database.admin(statement).catch((error: { code: unknown }) => {
      code = error.code;
    });
    assert.is(code, "23001", statement);
  }
});

audits.run();
