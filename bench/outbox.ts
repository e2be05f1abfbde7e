/** The relay compared with a bare producer, the cost of events for the projection, and the time from commit to acknowledgement. */
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { Admin, Producer } from "@platformatic/kafka";
import type { AnyDomain, OutboxEvent } from "../src/contract/domain.ts";
import type { Message } from "../src/contract/message.ts";
import { Database } from "../src/database/database.ts";
import { FIRST_STOCKS } from "../src/domains/loms/first-stocks.ts";
import { loms } from "../src/domains/loms/index.ts";
import { orders } from "../src/domains/orders/index.ts";
import { append } from "../src/inbox/append.ts";
import { insertEvents } from "../src/outbox/outbox-table.ts";
import { Handover } from "../src/projector/handover.ts";
import { projectingOf, projectNext } from "../src/projector/project.ts";
import { createLogger } from "../src/telemetry/logger.ts";
import { LomsFactory } from "../tools/domains/loms/factory.ts";
import { HOW_TO_GET } from "../tools/stack/broker.ts";
import { startBroker } from "../tools/stack/brokers.ts";
import type { Stack } from "../tools/stack/stack.ts";
import { createBenchDatabase } from "./database.ts";
import { BATCH } from "./limits.ts";
import { inTurns, type Measurement } from "./measurement.ts";
import { measureLag } from "./outbox-lag.ts";
import { withService } from "./service.ts";

/** @param seconds of the steady rate of orders. */
export async function measureOutbox(
  stack: Stack,
  count: number,
  seconds: number,
  say: (text: string) => void,
): Promise<Measurement[]> {
  const broker = await startBroker("kafka", join(stack.folder, "kafka"), say);
  if (!broker) throw new Error(HOW_TO_GET.kafka);
  try {
    return [
      await measureDrained(stack, broker.address, count, say),
      await measureCost(stack, count, say),
      await measureLag(stack, broker.address, seconds, say),
    ];
  } finally {
    await broker.stop("SIGKILL");
  }
}

async function measureDrained(
  stack: Stack,
  brokers: string,
  count: number,
  say: (text: string) => void,
): Promise<Measurement> {
  const ways = {
    relay: () => drainOnce(stack, brokers, count),
    producer: () => produceOnce(brokers, count),
  };
  const rates = await inTurns(ways, ROUNDS, "outbox", say);
  return {
    name: `drain of ${count.toLocaleString("en")} events from the outbox to Kafka`,
    unit: "events/s",
    figures: rates.get("relay") as number[],
    limits: rates.get("producer") as number[],
    limitName: "by a producer alone",
    goal: { of: "figure", atLeast: 10_000 },
  };
}

/** Without the start of the process. */
async function drainOnce(stack: Stack, brokers: string, count: number): Promise<number> {
  const topic = await createTopic(brokers);
  await using database = await createBenchDatabase(stack);
  const connected = new Database(database.environment.DATABASE_URL as string, {
    connectionsMax: 1,
    logger: createLogger("silent"),
  });
  try {
    for (let start = 0; start < count; start += BATCH) {
      const events = Array.from({ length: Math.min(BATCH, count - start) }, (_none, index) =>
        eventOf(topic, BigInt(start + index + 1)),
      );
      await connected.transaction((transaction) => insertEvents(transaction, orders.name, events));
    }
    const sent = async (): Promise<number> => {
      const { rows } = await connected.query<{ position: bigint }>(
        "select position from outbox_checkpoints where domain = $1",
        [orders.name],
      );
      return Number(rows[0]?.position ?? 0n);
    };
    const environment = {
      ...database.environment,
      SOURCES: "http",
      OUTBOX_KAFKA_BROKERS: brokers,
      OUTBOX_TRANSACTIONAL_ID: topic,
    };
    return await withService(environment, stack.folder, async () => {
      while ((await sent()) === 0) await delay(5);
      const first = await sent();
      const begun = performance.now();
      while ((await sent()) < count) await delay(20);
      return ((count - first) * 1000) / (performance.now() - begun);
    });
  } finally {
    await connected.close();
  }
}

/** Requests of the same size, each acknowledged by all replicas. */
async function produceOnce(brokers: string, count: number): Promise<number> {
  const topic = await createTopic(brokers);
  const producer = new Producer({
    clientId: "bench",
    bootstrapBrokers: brokers.split(","),
    idempotent: true,
  });
  try {
    const begun = performance.now();
    for (let start = 0; start < count; start += EVENTS_OF_BATCH) {
      const messages = Array.from({ length: Math.min(EVENTS_OF_BATCH, count - start) }, (_none, index) => {
        const { key, payload } = eventOf(topic, BigInt(start + index + 1));
        return { topic, key: Buffer.from(key), value: payload };
      });
      await producer.send({ messages });
    }
    return (count * 1000) / (performance.now() - begun);
  } finally {
    await producer.close();
  }
}

/** Projection of loms with and without its events, in turns. No relay runs. */
async function measureCost(stack: Stack, count: number, say: (text: string) => void): Promise<Measurement> {
  const factory = new LomsFactory(1);
  const payloads = Array.from({ length: count }, () => factory.valid().payload);
  let events = 0n;
  const rateOf = async (domain: AnyDomain): Promise<number> => {
    await using database = await createBenchDatabase(stack);
    const connected = new Database(database.environment.DATABASE_URL as string, {
      connectionsMax: 2,
      // As the service does.
      preparesStatements: true,
      logger: createLogger("silent"),
    });
    try {
      const projecting = projectingOf(domain, { isLive: true });
      const projectAll = async () => {
        while ((await projectNext(connected, projecting, new Handover())).rows.length > 0);
      };
      await appendAll(
        connected,
        FIRST_STOCKS.map(({ payload }) => payload),
      );
      await projectAll();
      await appendAll(connected, payloads);
      const begun = performance.now();
      await projectAll();
      const rate = (count * 1000) / (performance.now() - begun);
      const { rows } = await connected.query<{ count: bigint }>("select count(*) from outbox");
      events += rows[0]?.count ?? 0n;
      return rate;
    } finally {
      await connected.close();
    }
  };
  const rates = await inTurns(
    { "with events": () => rateOf(loms), without: () => rateOf(withoutEvents(loms)) },
    ROUNDS,
    "events",
    say,
  );
  return {
    name: "projection of loms with its outbox",
    unit: "commands/s",
    figures: rates.get("with events") as number[],
    limits: rates.get("without") as number[],
    limitName: "without events",
    note: `${count.toLocaleString("en")} commands with ${(events / BigInt(ROUNDS)).toLocaleString("en")} events`,
  };
}

/** The domain, changed to return no events. */
function withoutEvents(domain: AnyDomain): AnyDomain {
  return {
    ...domain,
    createProjection: () => {
      const projection = domain.createProjection();
      return {
        project: async (batch, transaction) => ({
          ...(await projection.project(batch, transaction)),
          events: [],
        }),
      };
    },
  };
}

async function appendAll(database: Database, payloads: readonly Buffer[]): Promise<void> {
  for (let start = 0; start < payloads.length; start += BATCH) {
    const messages = payloads.slice(start, start + BATCH).map(
      (payload): Message => ({
        source: "http",
        channel: loms.name,
        messageId: randomUUID(),
        payload,
        publishedAtMs: undefined,
      }),
    );
    await append(database, loms.name, messages, async () => {});
  }
}

function eventOf(topic: string, position: bigint): OutboxEvent {
  const id = String(position % KEYS);
  const payload = { order_id: id, status: "awaiting payment", moment: "2026-01-01T00:00:00Z" };
  return {
    position,
    topic,
    key: id,
    payload: Buffer.from(JSON.stringify(payload)),
    headers: { sequence: String(position / KEYS) },
  };
}

async function createTopic(brokers: string): Promise<string> {
  const topic = `bench-${randomUUID()}`;
  const admin = new Admin({ clientId: "bench", bootstrapBrokers: brokers.split(",") });
  await admin.createTopics({ topics: [topic], partitions: PARTITIONS, replicas: 1 });
  await admin.close();
  return topic;
}

const ROUNDS = 3;
/** Of the relay. */
const EVENTS_OF_BATCH = 1_000;
const PARTITIONS = 3;
const KEYS = 10_000n;
