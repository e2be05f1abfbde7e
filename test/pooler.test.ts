/** Everything works through PgBouncer in transaction mode with its defaults, migrate and rebuild included. */
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { audit } from "../src/audit/audit.ts";
import { install } from "../src/cli/install.ts";
import { Database } from "../src/database/database.ts";
import { DOMAINS } from "../src/domains/index.ts";
import { orders } from "../src/domains/orders/index.ts";
import { rebuild } from "../src/rebuild/rebuild.ts";
import { createLogger } from "../src/telemetry/logger.ts";
import { findPgBouncer, PgBouncer } from "../tools/stack/pgbouncer.ts";
import { checkCancel } from "./support/cancel.ts";
import { checkIf } from "./support/check-if.ts";
import { createDatabase, environment, type TestDatabase } from "./support/database.ts";
import { orderWith } from "./support/messages.ts";
import { auditOf, brokerEnvironment, startAsProcess } from "./support/service.ts";
import { until } from "./support/wait.ts";

const pooled = suite("pooler");
const program = findPgBouncer();
const check = checkIf(program, pooled);
const logger = createLogger("silent");

async function startPooler(database: TestDatabase): Promise<PgBouncer> {
  const folder = join(environment("WAYBILL_TEST_FOLDER"), `pgbouncer-${database.name}`);
  return PgBouncer.start(program as string, folder, [database.serviceUrl, database.ownerUrl]);
}

check(
  "migrate leaves no lock, and the service takes in, projects, redrives, rebuilds and audits",
  async () => {
    await using database = await createDatabase("template0");
    await using pooler = await startPooler(database);
    const [ownerUrl, serviceUrl] = [pooler.through(database.ownerUrl), pooler.through(database.serviceUrl)];
    // Unusual defaults, on which the code must not rely.
    await database.admin(`alter database ${database.name} set datestyle = 'German'`);
    for (const setting of ["statement_timeout", "idle_in_transaction_session_timeout"])
      await database.admin(`alter role waybill in database ${database.name} set ${setting} = '20s'`);
    for (let time = 0; time < 3; time++) await install(ownerUrl, serviceUrl, DOMAINS);
    // The pooler rolls a client's open transaction back once it notices the disconnect.
    await until("no lock is left on a pooled connection", async () => {
      const { rowCount } = await database.admin(
        "select from pg_locks where locktype = 'advisory' and database = (select oid from pg_database where datname = current_database())",
      );
      return rowCount === 0;
    });

    const service = await startAsProcess(serviceUrl, {
      SOURCES: "http,nats-streaming",
      ...brokerEnvironment(),
      MIGRATION_DATABASE_URL: ownerUrl,
    });
    const { url } = service;
    try {
      const post = (body: string) => fetch(`${url}/orders`, { method: "POST", body });
      const answers = await Promise.all(
        Array.from({ length: 40 }, (_, index) =>
          post(orderWith({ order_uid: `pooled ${index}` }).toString()),
        ),
      );
      assert.ok(answers.every(({ status }) => status === 202));
      const { position } = (await (await post("no order")).json()) as { position: string };
      await until("all are projected", async () => (await auditOf(url)).projected === 40);
      for (const path of [
        `/messages/${position}`,
        "/deadletters",
        `/deadletters/${position}`,
        "/audit?full=true",
      ]) {
        const response = await fetch(`${url}${path}`);
        assert.is(response.status, 200, `${path}: ${await response.text()}`);
      }
      const redriven = await fetch(`${url}/deadletters/${position}/redrive`, {
        method: "POST",
        body: JSON.stringify({ author: "Ann", reason: "to see" }),
        headers: { "content-type": "application/json" },
      });
      assert.is(redriven.status, 202, await redriven.text());
      await until("it is dead again", async () => (await auditOf(url)).dead === 2);
      const report = await rebuild({
        ownerUrl,
        domain: orders,
        isDryRun: false,
        logger,
        signal: new AbortController().signal,
        onProgress: () => {},
      });
      assert.is(report.projected, 40n);
      const found = await auditOf(url);
      assert.ok(found.holds);
      assert.equal([found.received, found.projected, found.dead], [42, 40, 2]);
    } finally {
      await service.child.end("SIGTERM");
    }
  },
);

check("an audit has no timeout, and times are parsed correctly, at any settings of the role", async () => {
  await using database = await createDatabase();
  for (const setting of ["statement_timeout", "transaction_timeout", "lock_timeout"])
    await database.admin(`alter role waybill in database ${database.name} set ${setting} = '300ms'`);
  await database.admin(`alter role waybill in database ${database.name} set datestyle = 'German'`);
  await using pooler = await startPooler(database);
  await using patient = new Database(pooler.through(database.serviceUrl), {
    connectionsMax: 1,
    logger,
    hasTimeouts: false,
  });
  await patient.query("select pg_sleep(1)");
  await patient.transaction((transaction) => transaction.query("select pg_sleep(1)"));
  assert.ok((await audit(patient, [orders])).holds);
  await using usual = new Database(pooler.through(database.serviceUrl), { connectionsMax: 1, logger });
  const time = new Date("2026-02-03T04:05:06.789Z");
  const { rows } = await usual.query<{ time: Date }>("select $1::timestamptz as time", [time]);
  assert.equal(rows[0]?.time, time);
});

check("a statement that takes too long is cancelled through the pooler", async () => {
  await using database = await createDatabase();
  await using pooler = await startPooler(database);
  await checkCancel(database, pooler.through(database.serviceUrl));
});

check("statements are not prepared through the pooler, whose sessions change", async () => {
  await using database = await createDatabase();
  await using pooler = await startPooler(database);
  await using pooled = new Database(pooler.through(database.serviceUrl), {
    connectionsMax: 4,
    preparesStatements: true,
    logger,
  });
  const select = () => pooled.query("select pg_sleep(0.01), $1::int8", [1n]);
  for (let time = 0; time < 5; time++) await Promise.all([select(), select(), select(), select()]);
  const { rows } = await pooled.query<{ count: bigint }>("select count(*) from pg_prepared_statements");
  assert.is(rows[0]?.count, 0n);
});

check("twenty migrates at once through a pooler all succeed", async () => {
  await using database = await createDatabase("template0");
  await using pooler = await startPooler(database);
  const applied = await Promise.all(
    Array.from({ length: 20 }, () =>
      install(pooler.through(database.ownerUrl), pooler.through(database.serviceUrl), DOMAINS),
    ),
  );
  assert.is(new Set(applied.flat()).size, applied.flat().length);
});

pooled.run();
