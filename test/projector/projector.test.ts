/** Lasting faults, told from poison messages. */
import { readFileSync } from "node:fs";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { audit } from "../../src/audit/audit.ts";
import { Database } from "../../src/database/database.ts";
import { Jobs } from "../../src/database/jobs.ts";
import type { Transaction } from "../../src/database/transaction.ts";
import { orders as domain } from "../../src/domains/orders/index.ts";
import { advanceCheckpoint, beginProjection } from "../../src/projector/checkpoints-table.ts";
import { Projector, type ProjectorOptions } from "../../src/projector/projector.ts";
import { Wakeups } from "../../src/projector/wakeups.ts";
import { createLogger } from "../../src/telemetry/logger.ts";
import { createDatabase } from "../support/database.ts";
import { appendAll } from "../support/engine.ts";
import { failFor } from "../support/faults.ts";
import { messageOf, orderWith } from "../support/messages.ts";
import { startAsProcess } from "../support/service.ts";
import { until } from "../support/wait.ts";

const faults = suite("projector: faults that last");

function projectorOn(database: Database, options: Partial<ProjectorOptions> = {}) {
  let batches = 0;
  let failures = 0;
  const projector = new Projector({
    database,
    domain,
    logger: createLogger("silent"),
    backoff: () => 5,
    ...options,
    onFailed: () => {
      failures += 1;
    },
    onProjected: () => {
      batches += 1;
    },
  });
  return { domain, projector, batches: () => batches, failures: () => failures };
}

const orders = (count: number, name: string) =>
  Array.from({ length: count }, (_none, index) => messageOf(orderWith({ order_uid: `${name} ${index}` })));

faults(
  "a projection that a crash of the database took back is made again before its job is done",
  async () => {
    await using database = await createDatabase();
    const { projector, domain } = projectorOn(database);
    const { upTo = 0n } = await appendAll(database, orders(50, "taken back"));
    await projector.reach(upTo);
    // Undoes a commit that had not reached the disk, as a crash does.
    await database.admin(`
    begin; delete from orders; update checkpoints set position = 0, projected = 0, duplicate = 0, dead = 0; commit`);
    await projector.reach(upTo);
    assert.is((await database.query("select 1 from orders")).rows.length, 0, "this process does not know");
    const jobs = new Jobs(database, createLogger("silent"));
    await jobs.start();
    const wakeups = new Wakeups(jobs);
    await wakeups.enqueue(database, domain.name, upTo);
    await wakeups.work(
      domain.name,
      (position) => projector.reach(position),
      (position) => projector.confirm(position),
    );
    const undone = "select 1 from pgboss.job where name = 'project-orders' and state <> 'completed'";
    await until("the job is done", async () => (await database.admin(undone)).rows.length === 0);
    assert.is((await database.query("select 1 from orders")).rows.length, 50);
    assert.ok((await audit(database, [domain])).holds);
    await jobs.stop();
  },
);

faults(
  "a message that fails alone while its neighbours succeed is buried after five attempts, and the rest continues",
  async () => {
    await using database = await createDatabase();
    await failFor(database, "poison%", "XX000");
    let projections = 0;
    const counted = {
      ...domain,
      createProjection: () => {
        projections += 1;
        return domain.createProjection();
      },
    };
    const { projector } = projectorOn(database, { domain: counted });
    assert.is(projections, 1);
    const { upTo, receipts } = await appendAll(database, [
      ...orders(700, "before"),
      ...orders(1, "poison"),
      ...orders(700, "after"),
    ]);
    await projector.reach(upTo ?? 0n);
    const { rows } = await database.query("select position, code, errors from dead_letters");
    assert.equal(
      rows.map(({ position, code, errors }) => [position, code, errors[0].rule]),
      [[receipts[700]?.position, "projection_failed", "SQLSTATE XX000"]],
    );
    assert.is(projector.failure, undefined);
    assert.ok(projections > 1, "the probe used the live projection");
    const { domains, holds } = await audit(database, [domain]);
    assert.equal([holds, domains.orders?.projected, domains.orders?.pending], [true, 1_400n, 0n]);
    await projector.stop();
  },
);

faults("the last message of all is compared with the one before it", async () => {
  await using database = await createDatabase();
  await failFor(database, "poison%", "XX000");
  const { projector } = projectorOn(database);
  const { upTo } = await appendAll(database, [...orders(1, "before"), ...orders(1, "poison")]);
  await projector.reach(upTo ?? 0n);
  const { rows } = await database.query("select position from dead_letters");
  assert.equal(rows, [{ position: upTo }]);
  await projector.stop();
});

faults(
  "while another process projects, a projector holds no connection, and learns of its progress",
  async () => {
    await using database = await createDatabase();
    const { upTo = 0n } = await appendAll(database, orders(3, "elsewhere"));
    const begin = (transaction: Transaction) => beginProjection(transaction, "orders", { isDurable: false });
    await database.transaction(begin);
    let progress = 0;
    await using single = new Database(database.serviceUrl, {
      connectionsMax: 1,
      logger: createLogger("silent"),
    });
    const { projector, batches } = projectorOn(single, { onProjectedElsewhere: () => progress++ });
    const reached = await database.transaction(async (transaction) => {
      await begin(transaction);
      const reaching = projector.reach(upTo);
      for (let time = 0; time < 20; time++) await single.query("select 1");
      assert.is(batches(), 0);
      advanceCheckpoint(transaction, "orders", upTo, { projected: 3, duplicate: 0, dead: 0 });
      return { reaching };
    });
    await reached.reaching;
    assert.equal([batches(), progress], [0, 1]);
    await projector.stop();
  },
);

for (const [what, pattern, sqlState] of [
  ["a fault that strikes all", "%", "XX000"],
  ["an environment fault, even if it hits one message", "poison 0", "57P01"],
  ["a full disk, even if it hits one message", "poison 0", "53100"],
] as const) {
  faults(`${what} buries nothing, and when it has passed all is projected`, async () => {
    await using database = await createDatabase();
    await failFor(database, pattern, sqlState);
    const { projector, domain, failures } = projectorOn(database);
    const { upTo } = await appendAll(database, [...orders(40, "poison"), ...orders(3, "after")]);
    const reached = projector.reach(upTo ?? 0n);
    // More failures than halving and isolating take together.
    await until("it has failed often", () => failures() > 22);
    assert.is(projector.failure, "a fault");
    const { rows } = await database.query("select count(*)::int as dead from dead_letters");
    assert.equal(rows, [{ dead: 0 }]);
    await database.admin("drop trigger fail on orders");
    await reached;
    const { domains, holds } = await audit(database, [domain]);
    assert.equal([holds, domains.orders?.projected, domains.orders?.dead], [true, 43n, 0n]);
    await projector.stop();
  });
}

faults("a stalled projection is reported by readiness, metric and log, until it makes progress", async () => {
  await using database = await createDatabase();
  await failFor(database, "%", "57P01");
  const service = await startAsProcess(database.serviceUrl);
  const readiness = async () =>
    (await (await fetch(`${service.url}/readyz`)).json()) as { reasons?: string[] };
  const body = new Uint8Array(orderWith({ order_uid: "stuck" }));
  await fetch(`${service.url}/orders`, { method: "POST", body });
  await until("readiness says so", async () =>
    ((await readiness()).reasons ?? []).some((reason) => /stalled for \d+ s before position 1/.test(reason)),
  );
  const metrics = await (await fetch(`${service.url}/metrics`)).text();
  const seconds = Number(/waybill_projector_stalled_seconds\{domain="orders"\} (\S+)/.exec(metrics)?.[1]);
  assert.ok(seconds >= 10, String(seconds));
  const line = await until("the log says so", () =>
    readFileSync(service.logFile, "utf8")
      .split("\n")
      .find((text) => text.includes("the projection is stalled") && text.endsWith("}")),
  );
  const { position, reason } = JSON.parse(line);
  assert.equal([position, reason], ["1", "a fault"]);
  await database.admin("drop trigger fail on orders");
  await until("it is ready again", async () => (await fetch(`${service.url}/readyz`)).ok);
  assert.is((await fetch(`${service.url}/orders/stuck`)).status, 200);
  await service.child.end("SIGTERM");
});

faults.run();
