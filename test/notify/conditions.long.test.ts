/** Alerts of a real service, across crashes: told once, resolved once, and neither lost nor made up by a restart. */
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { findBroker, NatsStreaming } from "../../tools/stack/nats-streaming.ts";
import { withClient } from "../../tools/stack/postgres.ts";
import { createDatabase, environment } from "../support/database.ts";
import { failFor } from "../support/faults.ts";
import { orderWith } from "../support/messages.ts";
import { brokerEnvironment, startAsProcess } from "../support/service.ts";
import { until } from "../support/wait.ts";
import { type Received, receiver } from "../support/webhook.ts";

const conditions = suite("alerts of a service");

/** A receiver that can refuse all messages for now. */
async function refusable() {
  const accepted: Received[] = [];
  const state = { refuses: false };
  const hook = await receiver((count) => {
    if (state.refuses) return 503;
    accepted.push(hook.received[count - 1] as Received);
    return 204;
  });
  const told = () => accepted.map(({ json }) => `${json.data.alert} ${json.data.state}`).sort();
  const idsOf = (received: readonly Received[]) =>
    new Set(received.map(({ headers }) => headers["webhook-id"]));
  return {
    state,
    accepted,
    told,
    idsOf,
    url: hook.url,
    received: hook.received,
    [Symbol.asyncDispose]: () => hook[Symbol.asyncDispose](),
  };
}

const KINDS = ["audit_broken", "projector_stalled", "source_disconnected"];

conditions("a stalled projection, a lost broker and a broken audit survive two crashes", async () => {
  await using database = await createDatabase();
  await using hook = await refusable();
  const program = await findBroker(() => {});
  if (!program) throw new Error("the tests need a NATS Streaming server");
  const broker = await NatsStreaming.create(
    program,
    join(environment("WAYBILL_TEST_FOLDER"), "alerts-broker"),
  );
  const settings = {
    ...brokerEnvironment(),
    ...broker.environment(),
    SOURCES: "nats-streaming,http",
    NOTIFY_URL: hook.url,
  };
  await using started = new AsyncDisposableStack();
  started.defer(() => broker.stop("SIGKILL"));
  let service = await startAsProcess(database.serviceUrl, settings);
  started.defer(() => service.child.end("SIGKILL"));
  const restart = () => startAsProcess(database.serviceUrl, settings, { isAwaited: false });
  const post = (uid: string) =>
    fetch(`${service.url}/orders`, { method: "POST", body: new Uint8Array(orderWith({ order_uid: uid })) });
  const auditAll = () => fetch(`${service.url}/audit?full=true`);

  await post("kept");
  await until("it is projected", async () => (await fetch(`${service.url}/orders/kept`)).ok);
  await database.admin("create table kept as select * from orders; delete from orders");
  await auditAll();
  await failFor(database, "%", "57P01");
  await post("stuck");
  await broker.stop("SIGKILL");

  hook.state.refuses = true;
  await until("each alert was refused", () => hook.idsOf(hook.received).size === KINDS.length);
  await service.child.end("SIGKILL");
  const refused = hook.idsOf(hook.received);
  hook.state.refuses = false;
  service = await restart();
  const firing = KINDS.map((kind) => `${kind} firing`);
  await until("each is told", () => hook.accepted.length >= KINDS.length);
  assert.equal(hook.told(), firing);
  assert.equal(hook.idsOf(hook.accepted), refused);

  await until("each is settled", async () => {
    const unsettled = await database.query("select from notify_alerts where settled is null");
    return unsettled.rows.length === 0;
  });
  await service.child.end("SIGKILL");
  const { rows } = await database.query("select clock_timestamp() as at");
  service = await restart();
  await until("the new process sees each", async () => {
    const seen = await database.query("select from notify_alerts where seen_at > $1", [rows[0].at]);
    return seen.rows.length === KINDS.length;
  });
  assert.equal(hook.told(), firing, "nothing new happened");

  await broker.start();
  await database.admin("drop trigger fail on orders; insert into orders select * from kept");
  await until("it makes progress", async () => (await fetch(`${service.url}/orders/stuck`)).ok);
  await auditAll();
  await until("each is resolved", () => hook.accepted.length >= 2 * KINDS.length);
  assert.equal(hook.told(), [...firing, ...KINDS.map((kind) => `${kind} resolved`)].sort());
});

conditions("a lost database is told from memory, again by the process after a crash", async () => {
  await using database = await createDatabase();
  await using hook = await refusable();
  const allow = (isAllowed: boolean) =>
    withClient(environment("WAYBILL_TEST_ADMIN_URL"), async (client) => {
      await client.query(`alter database ${database.name} with allow_connections ${isAllowed}`);
      await client.query("select pg_terminate_backend(pid) from pg_stat_activity where datname = $1", [
        database.name,
      ]);
    });
  const settings = { NOTIFY_URL: hook.url, NOTIFY_DISCONNECTED_SECONDS: "1" };
  let service = await startAsProcess(database.serviceUrl, settings);
  await using started = new AsyncDisposableStack();
  started.defer(() => service.child.end("SIGKILL"));
  hook.state.refuses = true;
  await allow(false);
  await until("it was refused twice", () => hook.received.length >= 2);
  assert.is(hook.idsOf(hook.received).size, 1);
  await service.child.end("SIGKILL");
  hook.state.refuses = false;
  service = await startAsProcess(database.serviceUrl, settings, { isAwaited: false });
  await until("the next process tells it", () => hook.accepted.length > 0);
  await allow(true);
  await until("it is resolved", () => hook.accepted.length > 1);
  assert.equal(hook.told(), ["database_unavailable firing", "database_unavailable resolved"]);
  assert.is(hook.accepted[0]?.json.data.id, hook.accepted[1]?.json.data.id);
});

conditions.run();
