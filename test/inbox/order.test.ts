/** Positions grow, even if the sequence was reset; lower ones are refused, repaired or found. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { audit } from "../../src/audit/audit.ts";
import { install } from "../../src/cli/install.ts";
import { loadConfig } from "../../src/config/config.ts";
import { DOMAINS } from "../../src/domains/index.ts";
import { orders } from "../../src/domains/orders/index.ts";
import { append } from "../../src/inbox/append.ts";
import { PositionOrderError } from "../../src/inbox/positions.ts";
import { startService } from "../../src/main.ts";
import { createLogger } from "../../src/telemetry/logger.ts";
import { createDatabase, type TestDatabase } from "../support/database.ts";
import { ANN, openDesk } from "../support/desk.ts";
import { appendAll, projectAll } from "../support/engine.ts";
import { errorOf } from "../support/error.ts";
import { messageOf, orderWith } from "../support/messages.ts";
import { until } from "../support/wait.ts";

const order = suite("position order");

/** A projected message at position 1001, and a sequence whose next value is 501. */
async function setBack(database: TestDatabase): Promise<void> {
  await database.admin("select setval('inbox_position_seq', 1000)");
  await appendAll(database, [messageOf(orderWith({ order_uid: "head" }), { messageId: "head" })]);
  await projectAll(database);
  await database.admin("select setval('inbox_position_seq', 500)");
}

const countOf = async (database: TestDatabase, table: string) =>
  Number((await database.admin(`select count(*) from ${table}`)).rows[0].count);

order("an append below the head fails as a whole, whichever way it takes", async () => {
  await using database = await createDatabase();
  await setBack(database);
  let wakeups = 0;
  const appending = (...ids: string[]) =>
    append(
      database,
      "orders",
      ids.map((id) => messageOf(id, { messageId: id })),
      async () => void wakeups++,
    );
  assert.instance(await errorOf(appending("new")), PositionOrderError);
  assert.instance(await errorOf(appending("new", "head")), PositionOrderError);
  assert.is(await countOf(database, "inbox"), 1);
  // An existing message needs no position.
  await database.admin("select setval('inbox_position_seq', 2000)");
  const { receipts } = await appending("head", "new");
  assert.equal(receipts[0], { position: 1001n, isNew: false });
  assert.ok(receipts[1]?.isNew && receipts[1].position > 2000n);
  assert.is(wakeups, 1);
});

order("a sequence that would meet positions there are is told from a message that is there", async () => {
  await using database = await createDatabase();
  await appendAll(database, [messageOf("a"), messageOf("b"), messageOf("c")]);
  await database.admin("select setval('inbox_position_seq', 1)");
  assert.instance(await errorOf(appendAll(database, [messageOf("d")])), PositionOrderError);
});

order("a redrive below the head fails as a whole", async () => {
  await using database = await createDatabase();
  await using context = await openDesk(database);
  const [position = 0n] = await context.receive("garbage");
  await database.admin("select setval('inbox_position_seq', 1000)");
  await context.receive(orderWith({ order_uid: "head" }));
  await database.admin("select setval('inbox_position_seq', 500)");
  assert.instance(await errorOf(context.desk.redrive(position, undefined, ANN)), PositionOrderError);
  const { rows } = await database.query("select state from dead_letters");
  assert.equal(rows, [{ state: "open" }]);
});

order("a service on such a database accepts nothing, says why, and continues after a migrate", async () => {
  await using database = await createDatabase();
  await setBack(database);
  const config = loadConfig(DOMAINS, { DATABASE_URL: database.serviceUrl, SOURCES: "http", HTTP_PORT: "0" });
  await using service = await startService(config, createLogger("silent"));
  const url = `http://127.0.0.1:${service.port}`;
  const ready = async () => await (await fetch(`${url}/readyz`)).text();
  await until("readiness names the positions", async () =>
    /position is 501.*1001.*migrate/.test(await ready()),
  );
  assert.is((await fetch(`${url}/orders`, { method: "POST", body: "x" })).status, 503);
  await install(database.ownerUrl, database.serviceUrl, DOMAINS);
  await until("the service is ready", async () => (await fetch(`${url}/readyz`)).ok);
  const response = await fetch(`${url}/orders`, {
    method: "POST",
    body: orderWith({ order_uid: "after" }).toString(),
  });
  assert.is(response.status, 202);
  assert.is(((await response.json()) as { position: string }).position, "1002");
});

order("a migrate leaves a sequence that is ahead as it is, and an empty inbox begins with 1", async () => {
  await using database = await createDatabase();
  await install(database.ownerUrl, database.serviceUrl, DOMAINS);
  assert.is((await appendAll(database, [messageOf("a")])).upTo, 1n);
  await database.admin("select setval('inbox_position_seq', 70)");
  await install(database.ownerUrl, database.serviceUrl, DOMAINS);
  assert.is((await appendAll(database, [messageOf("b")])).upTo, 71n);
});

order("the incremental audit finds what came below the checkpoint by another way", async () => {
  await using database = await createDatabase();
  await setBack(database);
  assert.ok((await audit(database, [orders])).holds);
  await database.admin(
    "insert into inbox (domain, source, channel, message_id, payload) values ('orders', 'by hand', 'x', '1', '')",
  );
  const { holds, domains } = await audit(database, [orders]);
  assert.not.ok(holds);
  assert.equal(domains.orders?.discrepancies, [501n]);
  assert.is(domains.orders?.received, 2n);
  assert.not.ok((await audit(database, [orders])).holds);
});

order.run();
