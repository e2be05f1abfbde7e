/** Orders of loms become notifications: two processes with a database each, and a real Kafka between them. */
import { readFile } from "node:fs/promises";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { checkIf } from "../../support/check-if.ts";
import { createDatabase } from "../../support/database.ts";
import { kafkaAt } from "../../support/kafka.ts";
import { type Received, receive } from "../../support/outbox.ts";
import { startAsProcess } from "../../support/service.ts";
import { startKafka } from "../../support/sources.ts";
import { until } from "../../support/wait.ts";

const events = suite("events of loms");
const started = new AsyncDisposableStack();
const kafka = await startKafka();
if (kafka) started.defer(() => kafka.stop());
events.after(() => started.disposeAsync());
/** Without a Kafka these are skipped. */
const check = checkIf(kafka, events);
const { produce } = kafkaAt(kafka);
const TOPIC = "loms.order-events";
/** No part of an id, a time or a port. */
const USER = "8231337946213337";

async function start(domain: string, environment: Record<string, string>) {
  const database = started.use(await createDatabase());
  const brokers = kafka?.address as string;
  const service = await startAsProcess(database.serviceUrl, {
    DOMAINS: domain,
    GRPC_PORT: "0",
    KAFKA_BROKERS: brokers,
    KAFKA_CREATE_TOPIC: "3",
    ...environment,
  });
  started.defer(() => service.child.end("SIGTERM"));
  const call = async (path: string, body: object) => {
    const response = await fetch(`${service.url}${path}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });
    return { status: response.status, body: (await response.json()) as Record<string, string> };
  };
  return { ...service, database, call };
}

check("each change of an order is one message, in its order, and a copy of it is none", async () => {
  const loms = await start("loms", {});
  const notifications = await start("notifications", {
    SOURCES: "kafka,http",
    NOTIFICATIONS_KAFKA_TOPIC: TOPIC,
  });
  await until(
    "the stocks are there",
    async () => (await loms.call("/stock/info", { sku: 1002 })).status === 200,
  );
  const order = (sku: number) => loms.call("/order/create", { user: USER, items: [{ sku, count: 1 }] });
  for (let round = 0; round < 5; round++) {
    const [payed, cancelled] = [(await order(1002)).body, (await order(1003)).body];
    await order(139_818_428);
    await loms.call("/order/pay", { order_id: payed.order_id });
    await loms.call("/order/cancel", { order_id: cancelled.order_id });
  }
  const changesOf = async () => {
    const { rows } = await notifications.database.query(
      `select order_id, string_agg(status, ', ' order by position) as statuses, bool_and(arrival = 'in_order') as dense
       from notifications_changes group by order_id order by order_id`,
    );
    return rows.map(({ order_id, statuses, dense }) => `${order_id}: ${statuses}, ${dense}`);
  };
  const expected = Array.from({ length: 5 }, (_none, round) => [
    `${round * 3 + 1}: new, awaiting payment, payed, true`,
    `${round * 3 + 2}: new, awaiting payment, cancelled, true`,
    `${round * 3 + 3}: new, failed, true`,
  ]).flat();
  await until(
    "all changes are there",
    async () =>
      (await notifications.database.query("select from notifications_changes")).rows.length >= CHANGES,
  );
  assert.equal(await changesOf(), expected);

  // As a relay sends a batch again that died before it moved its checkpoint.
  const sent = await receive(kafka?.address as string, TOPIC, CHANGES);
  await produce(TOPIC, sent.map(copyOf));
  const outcomes = () => auditOf(notifications.url);
  await until("the copies are there", async () => (await outcomes()).duplicate === CHANGES);
  assert.equal(await changesOf(), expected);
  const { projected, dead, pending, holds } = await outcomes();
  assert.equal({ projected, dead, pending, holds }, { projected: CHANGES, dead: 0, pending: 0, holds: true });

  const { body } = await notifications.call("/notifications/list", { user: USER });
  const listed = body.messages as unknown as { moment: string }[];
  assert.is(listed.length, CHANGES);
  const moments = listed.map(({ moment }) => Date.parse(moment));
  assert.equal(
    moments,
    moments.toSorted((one, other) => one - other),
  );

  const log = (await readFile(notifications.logFile, "utf8")).split("\n");
  const lines = log.filter((line) => line.includes("an order has changed")).map((line) => JSON.parse(line));
  assert.equal(
    lines.map(({ order, status }) => `${order} ${status}`).sort(),
    sent
      .map(({ text }) => JSON.parse(text))
      .map(({ order_id, status }) => `${order_id} ${status}`)
      .sort(),
  );
  assert.not.match(log.join("\n"), USER);
});

events.run();

/** Of five rounds: orders that are payed, cancelled, and failed. */
const CHANGES = 5 * (3 + 3 + 2);

function copyOf({ key, text, headers }: Received) {
  return { key, value: text, headers: Object.entries(headers) };
}

async function auditOf(url: string) {
  const report = await (await fetch(`${url}/audit`)).json();
  const { holds, domains } = report as {
    holds: boolean;
    domains: { notifications: Record<"projected" | "duplicate" | "dead" | "pending", number> };
  };
  return { holds, ...domains.notifications };
}
