/**
 * A conventional consumer of the same messages: per message one transaction that writes an order into four tables, and an
 * acknowledgement after the commit.
 */
import { randomUUID } from "node:crypto";
import type { Message } from "node-nats-streaming";
import pg from "pg";
import { loadNatsStreaming } from "../src/config/config.ts";
import { orders } from "../src/domains/orders/index.ts";
import { natsServers } from "../src/inbox/sources/nats-servers.ts";
import { connectToServer } from "../src/inbox/sources/nats-streaming/connect.ts";
import type { OrderDocument } from "../tools/domains/orders/factory.ts";
import { connectToBroker } from "../tools/publisher/transport.ts";
import { withClient } from "../tools/stack/postgres.ts";
import type { Stack } from "../tools/stack/stack.ts";
import { createBenchDatabase } from "./database.ts";

/** @returns orders per second, from the first message to the last acknowledgement. */
export async function drainPlainly(stack: Stack, payloads: readonly Buffer[]): Promise<number> {
  await using database = await createBenchDatabase(stack);
  await withClient(database.adminUrl, (client) => client.query(TABLES));
  const broker = loadNatsStreaming(orders, stack.environment);
  const channel = `plain-${randomUUID()}`;
  await using transport = await connectToBroker({ ...broker, channel });
  await Promise.all(payloads.map((payload) => transport.publish(payload)));

  const pool = new pg.Pool({ connectionString: database.adminUrl, max: IN_FLIGHT });
  const [server] = natsServers(broker.url);
  if (!server) throw new Error("this measurement needs a NATS Streaming server");
  const client = connectToServer(server, broker.clusterId, channel);
  try {
    return await new Promise<number>((resolve, reject) => {
      client.once("error", reject);
      client.once("connect", () => {
        const options = client.subscriptionOptions();
        options.setManualAckMode(true).setMaxInFlight(IN_FLIGHT).setDeliverAllAvailable();
        const subscription = client.subscribe(channel, options);
        subscription.once("error", reject);
        let begun = 0;
        let stored = 0;
        subscription.on("message", (message: Message) => {
          begun ||= performance.now();
          store(pool, JSON.parse(message.getData() as string)).then(() => {
            message.ack();
            if (++stored === payloads.length) resolve((stored * 1000) / (performance.now() - begun));
          }, reject);
        });
      });
    });
  } finally {
    client.close();
    await pool.end();
  }
}

async function store(pool: pg.Pool, { delivery, payment, items, ...order }: OrderDocument): Promise<void> {
  const client = await pool.connect();
  try {
    await client.query("begin");
    await client.query(insertInto("plain_orders", [order]));
    await client.query(insertInto("plain_deliveries", [{ ...delivery, order_uid: order.order_uid }]));
    await client.query(insertInto("plain_payments", [{ ...payment, order_uid: order.order_uid }]));
    const rows = items.map((item, index) => ({ ...item, order_uid: order.order_uid, index }));
    await client.query(insertInto("plain_items", rows));
    await client.query("commit");
  } finally {
    client.release();
  }
}

/** A prepared statement, which spares PostgreSQL the parsing. */
const insertInto = (table: string, rows: readonly object[]) => ({
  name: table,
  text: `insert into ${table} select * from json_populate_recordset(null::${table}, $1) on conflict do nothing`,
  values: [JSON.stringify(rows)],
});

const TABLES = `
  create table plain_orders (order_uid text primary key, track_number text, entry text, locale text,
    internal_signature text, customer_id text, delivery_service text, shardkey text, sm_id int8,
    date_created timestamptz, oof_shard text);
  create table plain_deliveries (order_uid text primary key references plain_orders, name text, phone text, zip text,
    city text, address text, region text, email text);
  create table plain_payments (order_uid text primary key references plain_orders, transaction text, request_id text,
    currency text, provider text, amount int8, payment_dt int8, bank text, delivery_cost int8, goods_total int8,
    custom_fee int8);
  create table plain_items (order_uid text references plain_orders, index int, chrt_id int8, track_number text,
    price int8, rid text, name text, sale int8, size text, total_price int8, nm_id int8, brand text, status int8,
    primary key (order_uid, index))`;

/** Messages, each with a connection. */
const IN_FLIGHT = 8;
