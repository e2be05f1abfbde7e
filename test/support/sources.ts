/** Brokers and sources for tests, each with new names. */
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import type { Source } from "../../src/contract/source.ts";
import type { JetStreamOptions } from "../../src/inbox/sources/jetstream/jetstream.ts";
import type { KafkaOptions } from "../../src/inbox/sources/kafka/cluster.ts";
import type { NatsStreamingOptions } from "../../src/inbox/sources/nats-streaming/nats-streaming.ts";
import { createLogger } from "../../src/telemetry/logger.ts";
import { JetStream } from "../../tools/stack/jetstream.ts";
import { Kafka, type KafkaSettings } from "../../tools/stack/kafka.ts";
import { environment } from "./database.ts";
import { brokerEnvironment } from "./service.ts";
import { TestSink } from "./test-sink.ts";
import { until } from "./wait.ts";

/** JetStream redelivers messages of a closed source after this time. */
const ACK_WAIT_SECONDS = 1;
/** NATS Streaming redelivers to a new subscription at once, so AckWait may be longer than any test. */
const STAN_ACK_WAIT_SECONDS = 60;
const logger = createLogger(process.env.WAYBILL_TEST_LOG ?? "silent");
const unique = () => randomBytes(5).toString("hex");

export function natsStreamingOptions(): NatsStreamingOptions {
  const names = brokerEnvironment();
  return {
    url: environment("WAYBILL_TEST_NATS_URL"),
    clusterId: "test-cluster",
    clientId: names.STAN_CLIENT_ID as string,
    channel: names.STAN_CHANNEL as string,
    durable: names.STAN_DURABLE as string,
    queueGroup: "waybill",
    logger,
    ackWaitSeconds: STAN_ACK_WAIT_SECONDS,
  };
}

export function kafkaOptions(broker: Kafka): KafkaOptions {
  const id = unique();
  return {
    brokers: [broker.address],
    topic: `topic-${id}`,
    groupId: `group-${id}`,
    clientId: `client-${id}`,
    groupProtocol: "auto",
    newTopicPartitions: 3,
    logger,
    noteGap: async () => {},
  };
}

export function jetStreamOptions(server: JetStream): JetStreamOptions {
  const id = unique();
  return {
    url: `nats://${server.address}`,
    stream: `stream-${id}`,
    subject: undefined,
    durable: `durable-${id}`,
    ackWaitSeconds: ACK_WAIT_SECONDS,
    newStreamSubject: `subject-${id}`,
    logger,
  };
}

/**
 * The broker that all test files share; none stops it. @returns undefined if it is missing; then its tests are skipped.
 */
export function sharedKafka(): Kafka | undefined {
  const address = process.env.WAYBILL_TEST_KAFKA;
  return address === undefined ? undefined : Kafka.at(address);
}

/** A test's own broker, with settings or to be killed. @returns undefined if it is missing. */
export function startKafka(settings?: KafkaSettings): Promise<Kafka | undefined> {
  return Kafka.find(join(environment("WAYBILL_TEST_FOLDER"), `kafka-${unique()}`), () => {}, {
    isBrief: true,
    ...settings,
  });
}

export function startJetStream(settings?: string): Promise<JetStream | undefined> {
  return JetStream.find(join(environment("WAYBILL_TEST_FOLDER"), `nats-${unique()}`), () => {}, settings);
}

/** Connects a source, calls the work and closes the source. */
export async function withSource<S extends Source>(
  source: S,
  work: (sink: TestSink, source: S) => Promise<void>,
  sink = new TestSink(),
): Promise<void> {
  source.start(sink);
  try {
    await until("it is connected", () => source.health.connected);
    await work(sink, source);
  } finally {
    await source.close();
  }
}

/** Collects the reasons of disconnects until it is disposed. */
export function watchLosses(source: Source): Disposable & { reasons: ReadonlySet<string | undefined> } {
  const reasons = new Set<string | undefined>();
  const watch = setInterval(() => {
    const { connected, reason } = source.health;
    if (!connected) reasons.add(reason);
  }, WATCH_MS);
  return { reasons, [Symbol.dispose]: () => clearInterval(watch) };
}

/** That many different payloads. */
export const texts = (count: number, prefix = "") =>
  Array.from({ length: count }, (_, index) => `${prefix}${index}`);

/** Shorter than a reconnect. */
const WATCH_MS = 10;
