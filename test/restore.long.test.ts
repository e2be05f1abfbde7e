/**
 * Point-in-time recovery with PostgreSQL's own tools: base backup, archived write-ahead log, recovery target. The
 * broker redelivers messages acknowledged after that moment; only what no broker holds is missing.
 */
import { spawnSync } from "node:child_process";
import { appendFile, chmod, mkdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Database } from "../src/database/database.ts";
import { createLogger } from "../src/telemetry/logger.ts";
import { ordersKit } from "../tools/domains/orders/index.ts";
import { BROKER_KINDS } from "../tools/stack/broker.ts";
import { findProgram as findKafka } from "../tools/stack/kafka-program.ts";
import { tell } from "../tools/stack/notices.ts";
import { startServiceProcess } from "../tools/stack/service.ts";
import { type Stack, startStack } from "../tools/stack/stack.ts";
import { Judge } from "../tools/torture/judge.ts";
import { checkIf } from "./support/check-if.ts";
import { orderWith } from "./support/messages.ts";
import { auditOf } from "./support/service.ts";
import { until } from "./support/wait.ts";

const UNDER_ANOTHER_NAME = {
  STAN_DURABLE: "waybill-restored",
  JETSTREAM_DURABLE: "waybill-restored",
  KAFKA_GROUP_ID: "waybill-restored",
};
const restore = suite("restore");

const archiveOf = (stack: Stack) => join(stack.folder, "postgres", "archive");
const dataOf = (stack: Stack) => join(stack.folder, "postgres", "data");

/** Archives the write-ahead log beside the server. */
async function archiveLog(stack: Stack): Promise<void> {
  await mkdir(archiveOf(stack));
  await chmod(archiveOf(stack), 0o777);
  await stack.postgres.admin(async (client) => {
    await client.query("alter system set archive_mode = on");
    await client.query(`alter system set archive_command = 'cp "%p" "${archiveOf(stack)}/%f"'`);
  });
  await stack.postgres.stop();
  await stack.postgres.start();
}

/** What `pg_basebackup` does, with the same functions. Source: PostgreSQL manual, 25.3.4, low-level API. */
async function backUp(stack: Stack, folder: string): Promise<void> {
  await stack.postgres.admin(async (client) => {
    await client.query("select pg_backup_start('test', true)");
    // With owners and modes. It complains about files that vanish meanwhile, which are not needed.
    spawnSync("cp", ["-a", dataOf(stack), folder]);
    const { rows } = await client.query("select labelfile from pg_backup_stop()");
    for (const name of ["pg_wal", "postmaster.pid"]) {
      await rm(join(folder, name), { recursive: true, force: true });
    }
    await writeFile(join(folder, "backup_label"), rows[0].labelfile);
    await mkdir(join(folder, "pg_wal"));
    spawnSync("chown", [`--reference=${folder}`, join(folder, "pg_wal"), join(folder, "backup_label")]);
  });
}

/** Replaces the data by the backup and recovers up to a moment. */
async function restoreTo(stack: Stack, backup: string, moment: string): Promise<void> {
  await rename(dataOf(stack), join(stack.folder, "postgres", "lost"));
  const target = [
    `restore_command = 'cp "${archiveOf(stack)}/%f" "%p"'`,
    `recovery_target_time = '${moment}'`,
    "recovery_target_action = 'promote'",
  ];
  await appendFile(join(backup, "postgresql.auto.conf"), `${target.join("\n")}\n`);
  await writeFile(join(backup, "recovery.signal"), "");
  await rename(backup, dataOf(stack));
  await stack.postgres.start();
  await until("the server is promoted", () =>
    stack.postgres.admin(
      async (client) => !(await client.query("select pg_is_in_recovery() as yes")).rows[0].yes,
    ),
  );
}

for (const source of BROKER_KINDS) {
  const isThere = source !== "kafka" || (await findKafka(() => {})) !== undefined;
  const check = checkIf(isThere, restore);
  check(
    `${source}: the broker redelivers messages after the moment; what no broker holds is missing`,
    async () => {
      await using stack = await startStack("restore", tell, { source });
      assert.ok(stack.broker);
      await archiveLog(stack);
      const database = new Database(stack.environment.DATABASE_URL as string, {
        connectionsMax: 2,
        logger: createLogger("silent"),
      });
      const judge = new Judge(ordersKit, tell);
      const start = (environment: Record<string, string> = {}) =>
        startServiceProcess({ ...stack.environment, ...environment }, stack.folder);
      const post = async (url: string, id: string) => {
        const response = await fetch(`${url}/orders`, {
          method: "POST",
          body: orderWith({ order_uid: id }).toString(),
        });
        assert.is(response.status, 202);
        await until("it is readable", async () => (await fetch(`${url}/orders/${id}`)).ok);
      };

      const first = await start();
      const calm = new AbortController();
      const mix = { garbage: 0.1, duplicates: 0.05, conflicts: 0.02 };
      const load = judge.publish(stack.broker, 1, 300, mix, calm.signal);
      await until("orders flow", () => judge.acknowledged > 300);
      const backup = join(stack.folder, "postgres", "backup");
      await backUp(stack, backup);
      await post(first.url, "posted-before");
      await delay(1_000);
      const moment = await stack.postgres.admin(
        async (client) => (await client.query("select now()::text as moment")).rows[0].moment,
      );
      const acknowledgedThen = judge.acknowledged;
      await until("much more is acknowledged", () => judge.acknowledged > acknowledgedThen + 600);
      calm.abort();
      await load;
      await post(first.url, "posted-after");
      assert.equal(await judge.verdict(database, [first.url]), []);
      const { received } = await auditOf(first.url);
      await first.child.end("SIGTERM");
      await database.close();
      await stack.postgres.admin(async (client) => {
        const { rows } = await client.query("select pg_walfile_name(pg_switch_wal()) as file");
        await until("the log is archived", async () => {
          const { rows: archived } = await client.query(
            "select last_archived_wal >= $1 as yes from pg_stat_archiver",
            [rows[0].file],
          );
          return archived[0].yes;
        });
      });
      await stack.postgres.stop("SIGKILL");
      await restoreTo(stack, backup, moment);

      const restored = new Database(stack.environment.DATABASE_URL as string, {
        connectionsMax: 2,
        logger: createLogger("silent"),
      });
      judge.startOver();
      // The broker saw acknowledgements for messages after the moment, so it does not redeliver them by itself.
      const second = await start();
      const audited = await auditOf(second.url);
      assert.ok(audited.holds);
      assert.is(audited.projected + audited.duplicate + audited.dead + audited.pending, audited.received);
      assert.ok(audited.received < received - 600);
      assert.ok((await judge.missing(restored)) >= 600);
      assert.is((await fetch(`${second.url}/orders/posted-before`)).status, 200);
      await second.child.end("SIGTERM");

      // A new durable gets everything that the broker still has; stored messages are recognised.
      const third = await start(UNDER_ANOTHER_NAME);
      assert.equal(await judge.verdict(restored, [third.url]), []);
      assert.ok((await auditOf(third.url)).holds);
      assert.is((await auditOf(third.url)).received, received - 1, "all but the one that no broker holds");
      assert.is((await fetch(`${third.url}/orders/posted-before`)).status, 200);
      assert.is((await fetch(`${third.url}/orders/posted-after`)).status, 404);
      await third.child.end("SIGTERM");
      await restored.close();
    },
  );
}

restore.run();
