/**
 * How fast orders that wait in the broker become readable: everything in, from the start of the service to the last
 * order's commit. Its limit is measured in the same run: the same bytes by COPY into two bare tables, nothing else.
 */

import pg from "pg";
import { withCopyData } from "../src/database/copy-encoder.ts";
import { runScript } from "../src/database/script.ts";
import { toPayload } from "../tools/publisher/load.ts";
import { OrderFactory } from "../tools/publisher/orders.ts";
import { connectToBroker } from "../tools/publisher/transport.ts";
import { startServiceProcess } from "../tools/stack/service.ts";
import type { Stack } from "../tools/stack/stack.ts";
import { cpuSecondsOf } from "./cpu.ts";
import type { Measurement } from "./measurement.ts";

export async function measureDrain(
  stack: Stack,
  count: number,
  say: (text: string) => void,
  nodeOptions: readonly string[],
): Promise<Measurement> {
  if (!stack.broker) throw new Error("the drain needs a NATS Streaming server");
  const factory = new OrderFactory(1);
  const payloads = Array.from({ length: count }, () => toPayload(factory.next()));
  say(
    `drain: putting ${count} orders of ${Math.round(payloads.reduce((sum, { length }) => sum + length, 0) / count)} bytes into the broker`,
  );
  await publishAll(stack.broker.url, payloads);

  say("drain: measuring the limit (COPY of the same bytes into two tables)");
  const limit = count / (await secondsToCopy(stack.postgres.adminUrl("waybill"), payloads));

  const rate = await drain(stack, count, say, { nodeOptions });
  return {
    name: "drain",
    figure: rate,
    unit: "orders/s",
    limit,
    goal: "≥ 25,000 orders/s",
    met: rate >= 25_000,
  };
}

/**
 * Starts the service on what waits in the broker.
 * @returns how many orders a second became readable.
 */
export async function drain(
  stack: Stack,
  count: number,
  say: (text: string) => void,
  {
    nodeOptions = [],
    environment = {},
  }: Readonly<{ nodeOptions?: readonly string[]; environment?: Readonly<Record<string, string>> }>,
): Promise<number> {
  const servers = [stack.postgres.pid, stack.broker?.pid ?? 0];
  say("drain: starting the service");
  const client = new pg.Client({ connectionString: stack.postgres.adminUrl("waybill") });
  await client.connect();
  const settled = async () => {
    const { rows } = await client.query(
      "select coalesce(sum(projected + duplicate + dead), 0)::int8 as n from checkpoints",
    );
    return Number(rows[0].n);
  };
  const before = await settled();
  const cpuBefore = cpuSecondsOf(servers);
  const service = await startServiceProcess(
    { ...stack.environment, ...environment },
    stack.folder,
    nodeOptions,
  );
  try {
    // From the first outcome on: starting a process is not draining.
    while ((await settled()) === before) await pause(5);
    const first = await settled();
    const started = performance.now();
    while ((await settled()) < before + count) await pause(20);
    const seconds = (performance.now() - started) / 1000;
    const rate = (before + count - first) / seconds;
    const [postgres, broker] = cpuSecondsOf(servers);
    const [node] = cpuSecondsOf([service.child.pid]);
    say(
      `drain: ${Math.round(rate)} orders/s in ${seconds.toFixed(2)} s; CPU seconds: service ${node?.toFixed(1)}, ` +
        `PostgreSQL ${((postgres ?? 0) - (cpuBefore[0] ?? 0)).toFixed(1)}, broker ${((broker ?? 0) - (cpuBefore[1] ?? 0)).toFixed(1)}`,
    );
    return rate;
  } finally {
    await service.child.end("SIGTERM");
    await client.end();
  }
}

/** Publishes all of it, and waits until the broker has it. */
export async function publishAll(url: string, payloads: readonly Buffer[]): Promise<void> {
  await using transport = await connectToBroker({ url, clusterId: "test-cluster", channel: "orders" });
  const inFlight = new Set<Promise<void>>();
  for (const payload of payloads) {
    const sending = transport.publish(payload).finally(() => inFlight.delete(sending));
    inFlight.add(sending);
    if (inFlight.size >= 4_000) await Promise.race(inFlight);
  }
  await Promise.all(inFlight);
}

/** Two tables shaped like the inbox and the orders table, in batches as large as the service's. */
async function secondsToCopy(url: string, payloads: readonly Buffer[]): Promise<number> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(
    "create table limit_inbox (position bigint primary key, message_id text unique, payload bytea)",
  );
  await client.query(
    "create table limit_orders (order_uid text primary key, position bigint unique, document json)",
  );
  const started = performance.now();
  for (let from = 0; from < payloads.length; from += BATCH) {
    const batch = payloads.slice(from, from + BATCH);
    await client.query("begin");
    await withCopyData(
      (rows) => {
        for (const [index, payload] of batch.entries()) {
          const position = BigInt(from + index + 1);
          rows.row(3);
          rows.bigint(position);
          rows.text(`${position}-1700000000000000000`);
          rows.bytes(payload);
        }
      },
      (data) => runScript(client, "copy limit_inbox from stdin (format binary)", data),
    );
    await withCopyData(
      (rows) => {
        for (const [index, payload] of batch.entries()) {
          rows.row(3);
          rows.text(payload.toString("latin1", ID_FROM, ID_TO));
          rows.bigint(BigInt(from + index + 1));
          rows.bytes(payload);
        }
      },
      (data) => runScript(client, "copy limit_orders from stdin (format binary)", data),
    );
    await client.query("commit");
  }
  const seconds = (performance.now() - started) / 1000;
  await client.query("drop table limit_inbox, limit_orders");
  await client.end();
  return seconds;
}

const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

const BATCH = 2_000;

/** Where an order's id stands in the text: `{"order_uid":"` comes first. */
const ID_FROM = 14;
const ID_TO = 32;
