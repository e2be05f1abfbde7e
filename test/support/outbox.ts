/** Relays on a test database and a real Kafka, and their consumers, who see committed records only. */
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import type { OutboxConfig } from "../../src/config/sources.ts";
import type { OutboxEvent } from "../../src/contract/domain.ts";
import { KafkaSource } from "../../src/inbox/sources/kafka/kafka.ts";
import { insertEvents } from "../../src/outbox/outbox-table.ts";
import { OutboxRelay, type RelayOptions } from "../../src/outbox/relay.ts";
import { KafkaTransport } from "../../src/outbox/transport-kafka.ts";
import { createLogger } from "../../src/telemetry/logger.ts";
import { type Child, startChild } from "../../tools/stack/child.ts";
import { COMPILED } from "../../tools/stack/compiled.ts";
import { environment, type TestDatabase } from "./database.ts";
import { kafkaOptions, withSource } from "./sources.ts";
import { until } from "./wait.ts";

export const DOMAIN = "ledger";
const logger = createLogger(process.env.WAYBILL_TEST_LOG ?? "silent");

/** With a new transactional id. */
export function outboxConfig(brokers: string, change: Partial<OutboxConfig> = {}): OutboxConfig {
  const id = randomUUID();
  return {
    brokers: brokers.split(","),
    clientId: `client-${id}`,
    transactionalId: `relay-${id}`,
    newTopicPartitions: 0,
    tls: undefined,
    sasl: undefined,
    ...change,
  };
}

/** Disposing it stops it. */
export function startRelay(
  database: TestDatabase,
  config: OutboxConfig,
  change: Partial<RelayOptions> = {},
): OutboxRelay & AsyncDisposable {
  const relay = new OutboxRelay({
    database,
    domain: DOMAIN,
    transport: new KafkaTransport(config),
    logger,
    backoff: () => 20,
    ...change,
  });
  relay.start();
  return Object.assign(relay, { [Symbol.asyncDispose]: () => relay.stop() });
}

/** Stores events like a projection, one for each position from `first`. */
export async function addEvents(
  database: TestDatabase,
  first: number,
  events: readonly (Omit<OutboxEvent, "position" | "payload"> & { text: string })[],
): Promise<void> {
  await database.transaction((transaction) =>
    insertEvents(
      transaction,
      DOMAIN,
      events.map(({ text, ...event }, index) => ({
        ...event,
        position: BigInt(first + index),
        payload: Buffer.from(text),
      })),
    ),
  );
}

/** Events of several keys in turn; each text is the index within its key. */
export function eventsOfKeys(topic: string, count: number, keys: number) {
  return Array.from({ length: count }, (_none, index) => ({
    topic,
    key: `key ${index % keys}`,
    text: String(Math.floor(index / keys)),
  }));
}

/** Resolves once the domain's outbox is empty. */
export function untilDrained(database: TestDatabase): Promise<unknown> {
  return until("the outbox is drained", async () => {
    const { rows } = await database.query("select count(*)::int as events from outbox");
    return rows[0].events === 0;
  });
}

export type Received = Readonly<{
  key: string;
  text: string;
  headers: Readonly<Record<string, string>>;
}>;

/** Reads a topic's committed records from the beginning, with the source that domains use. */
export async function receive(brokers: string, topic: string, count: number): Promise<Received[]> {
  let received: Received[] = [];
  const options = { ...kafkaOptions({ address: brokers } as never), brokers: brokers.split(","), topic };
  await withSource(new KafkaSource(options), async (sink, source) => {
    await until(
      () => `${count} records are there, not ${sink.offers.length}`,
      () => sink.offers.length >= count,
    );
    sink.commitAll();
    // Nothing may follow.
    await until("the end of the topic is reached", () => source.lag === 0);
    received = sink.offers.map(({ message }) => {
      const { key, headers } = JSON.parse(message.headers ?? "{}");
      return { key, text: message.payload.toString(), headers: Object.fromEntries(headers) };
    });
  });
  return received;
}

/** The texts of each key, in a consumer's order. */
export function textsByKey(received: readonly Received[]): Record<string, string[]> {
  const byKey = Map.groupBy(received, ({ key }) => key);
  return Object.fromEntries([...byKey].map(([key, ofKey]) => [key, ofKey.map(({ text }) => text)]));
}

/** A relay process, to be killed or paused. */
export function startRelayProcess(
  database: TestDatabase,
  config: OutboxConfig,
  extra: Readonly<{ failpoint?: string; turnSeconds?: number }> = {},
): Child {
  const folder = environment("WAYBILL_TEST_FOLDER");
  const settings = { databaseUrl: database.serviceUrl, config, domain: DOMAIN, ...extra };
  return startChild(process.execPath, [RELAY_PROCESS, JSON.stringify(settings)], {
    env: { PATH: process.env.PATH, ...COMPILED },
    logFile: join(folder, `relay-${randomUUID()}.log`),
  });
}

const RELAY_PROCESS = "test/support/relay-process.ts";
