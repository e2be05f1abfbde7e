/** A rebuilt projection, compared with the live one and taken over. */
import { spawn } from "node:child_process";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { audit } from "../../src/audit/audit.ts";
import { WrongStateError } from "../../src/contract/errors.ts";
import { orders } from "../../src/domains/orders/index.ts";
import { type RebuildOptions, rebuild } from "../../src/rebuild/rebuild.ts";
import { createLogger } from "../../src/telemetry/logger.ts";
import { OrderFactory } from "../../tools/domains/orders/factory.ts";
import { ordersKit } from "../../tools/domains/orders/index.ts";
import { makeLoad } from "../../tools/publisher/load.ts";
import { COMPILED } from "../../tools/stack/compiled.ts";
import { runScript } from "../support/command.ts";
import { createDatabase, type TestDatabase } from "../support/database.ts";
import { ANN, openDesk } from "../support/desk.ts";
import { appendAll, domainThat, projectAll, tablesOf } from "../support/engine.ts";
import { messageOf, orderWith } from "../support/messages.ts";
import { startInProcess } from "../support/service.ts";
import { until } from "../support/wait.ts";
import { runWaybill } from "../support/waybill.ts";

const rebuilding = suite("rebuild");
const MIX = { garbage: 0.2, duplicates: 0.1, conflicts: 0.1 };

function run(database: TestDatabase, change: Partial<RebuildOptions> = {}) {
  return rebuild({
    ownerUrl: database.ownerUrl,
    domain: orders,
    isDryRun: false,
    logger: createLogger("silent"),
    signal: new AbortController().signal,
    onProgress: () => {},
    ...change,
  });
}

/** The live tables, without the generation that a rebuild increments. */
async function everything(database: TestDatabase) {
  return {
    ...(await tablesOf(database)),
    groups: (await database.query("select * from dead_letter_groups order by fingerprint, channel")).rows,
    hours: (await database.query("select * from dead_letter_hours order by fingerprint, hour")).rows,
  };
}

async function leftovers(database: TestDatabase): Promise<number> {
  return (await database.query("select from pg_namespace where nspname like 'rebuild%'")).rows.length;
}

async function fill(database: TestDatabase, count = 1_200): Promise<void> {
  const load = [...makeLoad(ordersKit, new OrderFactory(3), count, MIX)];
  await appendAll(
    database,
    load.map(({ payload }) => messageOf(payload)),
  );
  await projectAll(database, orders);
}

rebuilding("of what is right nothing changes, operators' decisions included", async () => {
  await using database = await createDatabase();
  await using context = await openDesk(database);
  await fill(database);
  const { rows } = await database.query("select position from dead_letters order by position limit 9");
  for (const { position } of rows.slice(0, 6)) await context.desk.discard(position, ANN);
  await context.desk.restore(rows[0].position, ANN);
  await context.desk.redrive(rows[7].position, undefined, ANN);
  await context.project();
  const before = await everything(database);
  const report = await run(database);
  assert.equal(report.changes, []);
  assert.ok(report.isTakenOver);
  assert.equal(await everything(database), before);
  assert.is(await leftovers(database), 0);
});

rebuilding("rows that were changed or deleted by hand are restored", async () => {
  await using database = await createDatabase();
  await fill(database);
  const before = await everything(database);
  await database.admin(`
    delete from orders where position in (select position from orders order by position limit 5);
    update orders set customer_id = 'forged' where position = (select max(position) from orders);
    delete from dead_letters where position = (select min(position) from dead_letters);
    delete from dead_letter_groups; delete from dead_letter_hours;
    update checkpoints set projected = 0`);
  const spoilt = await everything(database);
  const dry = await run(database, { isDryRun: true });
  assert.equal(
    dry.changes.map(({ before: was, after, positions }) => [was, after, positions]),
    [
      ["projected", "projected", 1n],
      [null, "dead", 1n],
      [null, "projected", 5n],
    ],
  );
  assert.equal(await everything(database), spoilt);
  assert.ok((await run(database)).isTakenOver);
  assert.equal(await everything(database), before);
  assert.ok((await audit(database, [orders])).holds);
});

rebuilding("under another schema what was dead becomes valid, and the service shows it", async () => {
  await using database = await createDatabase();
  await using service = await startInProcess(database);
  const post = async (body: Buffer) => {
    const response = await fetch(`${service.url}/orders`, { method: "POST", body: new Uint8Array(body) });
    const { position } = (await response.json()) as { position: string };
    await fetch(`${service.url}/messages/${position}?wait=10`);
  };
  const broken = orderWith({ order_uid: "first", locale: "" })
    .toString()
    .replace('"locale":""', '"locale":7');
  await post(Buffer.from(broken));
  await post(orderWith({ order_uid: "first" }));
  await post(orderWith({ order_uid: "second" }));
  const read = async (id: string) => (await fetch(`${service.url}/orders/${id}`)).text();
  assert.is(await read("first"), orderWith({ order_uid: "first" }).toString());

  // A release that accepts a number as a locale: the first message becomes the order, the second a conflict.
  const projection = orders.createProjection();
  const lenient = domainThat(async (batch, transaction) => {
    const outcomes = [];
    for (const row of batch) {
      const text = row.payload.toString();
      const [mended] = (
        await projection.project(
          [{ ...row, payload: Buffer.from(text.replace('"locale":7', '"locale":"7"')) }],
          transaction,
        )
      ).outcomes;
      outcomes.push(mended as NonNullable<typeof mended>);
    }
    return { outcomes };
  });
  const report = await run(database, { domain: lenient });
  assert.equal(
    report.changes.map(({ before, after, positions }) => [before, after, positions]),
    [
      ["dead", "projected", 1n],
      ["projected", "dead", 1n],
    ],
  );
  await until("the cache has dropped the old one", async () => (await read("first")).includes('"locale":7'));
  assert.is(await read("second"), orderWith({ order_uid: "second" }).toString());
  assert.ok((await audit(database, [orders])).holds);
  // The service continues from there.
  await post(orderWith({ order_uid: "third" }));
  assert.is(await read("third"), orderWith({ order_uid: "third" }).toString());
});

rebuilding("while messages arrive and operators decide it loses neither", async () => {
  await using database = await createDatabase();
  await using context = await openDesk(database);
  await fill(database, 1_500);
  let isDone = false;
  const factory = new OrderFactory(5);
  const working = (async () => {
    while (!isDone) {
      const load = [...makeLoad(ordersKit, factory, 40, MIX)];
      await appendAll(
        database,
        load.map(({ payload }) => messageOf(payload)),
      );
      await context.project();
      const { rows } = await database.query(
        "select position from dead_letters where state = 'open' order by random() limit 2",
      );
      if (rows[0]) await context.desk.discard(rows[0].position, ANN);
      if (rows[1]) await context.desk.redrive(rows[1].position, undefined, ANN);
    }
  })();
  await database.admin("delete from orders where position in (select position from orders limit 3)");
  for (let round = 0; round < 3; round++) assert.ok((await run(database)).isTakenOver);
  isDone = true;
  await working;
  await context.project();
  const live = await everything(database);
  const report = await run(database, { isDryRun: true });
  assert.equal(report.changes, []);
  assert.equal(await everything(database), live);
  assert.ok((await audit(database, [context.domain])).holds);
});

rebuilding("stopped or killed at any moment it leaves the live projection as it was", async () => {
  await using database = await createDatabase();
  await fill(database, 4_000);
  await database.admin("delete from orders where position = (select min(position) from orders)");
  const before = await everything(database);
  for (const stage of ["projecting", "comparing", "taking over"]) {
    const stopping = new AbortController();
    const stopped = run(database, {
      signal: stopping.signal,
      onProgress: (now) => now === stage && stopping.abort(new Error("stopped")),
    });
    await stopped.then(
      () => assert.unreachable(stage),
      (error: Error) => assert.is(error.message, "stopped", stage),
    );
    assert.equal(await everything(database), before, stage);
    assert.is(await leftovers(database), 0);
  }
  for (let round = 0; round < 3; round++) {
    const child = spawn(process.execPath, ["src/cli/main.ts", "rebuild", "orders"], {
      env: {
        PATH: process.env.PATH,
        ...COMPILED,
        DATABASE_URL: database.serviceUrl,
        MIGRATION_DATABASE_URL: database.ownerUrl,
      },
      stdio: "ignore",
    });
    const ended = new Promise((resolve) => child.once("close", resolve));
    await until("it has begun", async () => (await leftovers(database)) === 1);
    if (round > 0) {
      await until("it has come somewhere", async () => {
        const { rows } = await database
          .admin("select position from rebuild_orders.checkpoints")
          .catch(() => ({ rows: [{ position: "9" }] }));
        return rows.length > 0;
      });
    }
    child.kill("SIGKILL");
    await ended;
    const now = await everything(database);
    // If the rebuild finished before the kill, it did all of its work.
    if (now.orders.length === before.orders.length) assert.equal(now, before);
    else assert.is(now.orders.length, before.orders.length + 1);
  }
  await until("the killed one's lock is gone", async () =>
    run(database).then(
      () => true,
      (error) => {
        assert.instance(error, WrongStateError);
        return false;
      },
    ),
  );
  assert.is(await leftovers(database), 0);
});

rebuilding("of two at once one runs", async () => {
  await using database = await createDatabase();
  await fill(database);
  const results = await Promise.allSettled([run(database), run(database)]);
  assert.is(results.filter(({ status }) => status === "fulfilled").length, 1);
  const failed = results.find((result) => result.status === "rejected");
  assert.instance(failed?.reason, WrongStateError);
});

rebuilding("the command says what it found, and ends with the right status", async () => {
  await using database = await createDatabase();
  await fill(database, 500);
  const environment = { DATABASE_URL: database.serviceUrl, MIGRATION_DATABASE_URL: database.ownerUrl };
  const waybill = (...args: string[]) => runWaybill(["rebuild", ...args], environment);
  const same = await waybill("orders", "--dry-run");
  assert.is(same.status, 0);
  assert.match(same.stdout, "equals the live one, row by row");
  await database.admin("delete from orders where position = (select min(position) from orders)");
  const dry = await waybill("orders", "--dry-run", "--json");
  assert.is(dry.status, 1);
  assert.is(JSON.parse(dry.stdout).changes[0].positions, 1);
  const done = await runScript("src/cli/main.ts", ["rebuild", "orders"], { environment });
  assert.is(done.status, 0);
  assert.match(done.stdout, /\(nothing\) +projected +1/);
  assert.match(done.stdout, "Conservation holds.");
  for (const args of [[], ["walet"], ["orders", "more"], ["orders", "--wet"]]) {
    assert.is((await waybill(...args)).status, 2);
  }
});

rebuilding.run();
