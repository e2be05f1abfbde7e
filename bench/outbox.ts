/**
 * Rate at which the relay drains a filled outbox to Kafka, compared with a producer without an outbox; and the cost of
 * events for the projection that writes them.
 */
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { Admin, Producer } from "@platformatic/kafka";
import type { AnyDomain, OutboxEvent } from "../src/contract/domain.ts";
import type { Message } from "../src/contract/message.ts";
import { Database } from "../src/database/database.ts";
import { orders } from "../src/domains/orders/index.ts";
import { append } from "../src/inbox/append.ts";
import { insertEvents } from "../src/outbox/outbox-table.ts";
import { Handover } from "../src/projector/handover.ts";
import { projectingOf, projectNext } from "../src/projector/project.ts";
import { createLogger } from "../src/telemetry/logger.ts";
import { OrderFactory, toPayload } from "../tools/domains/orders/factory.ts";
import { HOW_TO_GET } from "../tools/stack/broker.ts";
import { startBroker } from "../tools/stack/brokers.ts";
import type { Stack } from "../tools/stack/stack.ts";
import { createBenchDatabase } from "./database.ts";
import { BATCH } from "./limits.ts";
import { inTurns, type Measurement } from "./measurement.ts";
import { withService } from "./service.ts";

export async function measureOutbox(
  stack: Stack,
  count: number,
  say: (text: string) => void,
): Promise<Measurement[]> {
  return [await measureDrained(stack, count, say), await measureCost(stack, count, say)];
}

async function measureDrained(
  stack: Stack,
  count: number,
  say: (text: string) => void,
): Promise<Measurement> {
  const broker = await startBroker("kafka", join(stack.folder, "kafka"), say);
  if (!broker) throw new Error(HOW_TO_GET.kafka);
  try {
    const ways = {
      relay: () => drainOnce(stack, broker.address, count),
      producer: () => produceOnce(broker.address, count),
    };
    const rates = await inTurns(ways, ROUNDS, "outbox", say);
    return {
      name: `drain of ${count.toLocaleString("en")} events from the outbox to Kafka`,
      unit: "events/s",
      figures: rates.get("relay") as number[],
      limits: rates.get("producer") as number[],
      limit: "by a producer alone",
      goal: { of: "figure", atLeast: 10_000 },
    };
  } finally {
    await broker.stop("SIGKILL");
  }
}

/** Measures from the first batch, to exclude the start of the process. */
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

/** Sends the same records in requests of the same size, each acknowledged by all replicas before the next. */
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

/** Projection with and without events, in turns. */
async function measureCost(stack: Stack, count: number, say: (text: string) => void): Promise<Measurement> {
  const factory = new OrderFactory(1);
  const payloads = Array.from({ length: count }, () => toPayload(factory.next()));
  const rateOf = async (domain: AnyDomain): Promise<number> => {
    await using database = await createBenchDatabase(stack);
    const connected = new Database(database.environment.DATABASE_URL as string, {
      connectionsMax: 2,
      logger: createLogger("silent"),
    });
    try {
      await appendAll(connected, payloads);
      const projecting = projectingOf(domain, { isLive: true });
      const begun = performance.now();
      while ((await projectNext(connected, projecting, new Handover())).rows.length > 0);
      return (count * 1000) / (performance.now() - begun);
    } finally {
      await connected.close();
    }
  };
  const rates = await inTurns(
    { "with events": () => rateOf(withEvents(orders)), without: () => rateOf(orders) },
    ROUNDS,
    "events",
    say,
  );
  return {
    name: "projection that writes an event for each message",
    unit: "messages/s",
    figures: rates.get("with events") as number[],
    limits: rates.get("without") as number[],
    limit: "without events",
  };
}

/** The domain, changed to return one event per projected message. */
function withEvents(domain: AnyDomain): AnyDomain {
  return {
    ...domain,
    createProjection: () => {
      const projection = domain.createProjection();
      return {
        project: async (batch, transaction) => {
          const projected = await projection.project(batch, transaction);
          const events = batch
            .filter((_row, index) => projected.outcomes[index]?.kind === "projected")
            .map(({ position }) => eventOf("events", position));
          return { ...projected, events };
        },
      };
    },
  };
}

async function appendAll(database: Database, payloads: readonly Buffer[]): Promise<void> {
  for (let start = 0; start < payloads.length; start += BATCH) {
    const messages = payloads.slice(start, start + BATCH).map(
      (payload): Message => ({
        source: "http",
        channel: orders.name,
        messageId: randomUUID(),
        payload,
        publishedAtMs: undefined,
      }),
    );
    await append(database, orders.name, messages, async () => {});
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
/** The relay's batch size. */
const EVENTS_OF_BATCH = 1_000;
const PARTITIONS = 3;
const KEYS = 10_000n;
