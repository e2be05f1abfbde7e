/**
 * A Kafka cluster as the service and the publisher see it: how to connect, whether the topic exists, and what the
 * library's errors mean.
 */
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import type { EventEmitter } from "node:events";
import {
  Admin,
  type CreationEvent,
  instancesChannel,
  MultipleErrors,
  UnsupportedApiError,
  UserError,
} from "@platformatic/kafka";
import type { KafkaConfig } from "../../../config/sources.ts";
import type { SourceGap } from "../../../contract/source.ts";
import type { Logger } from "../../../telemetry/logger.ts";

export type KafkaOptions = KafkaConfig &
  Readonly<{
    logger: Logger;
    /** Records the offsets that retention removed before they were read. */
    noteGap: (gap: SourceGap) => Promise<void>;
  }>;

/** The identity of a topic. A topic that was deleted and created again has another id. */
export type TopicIdentity = Readonly<{ clusterId: string; topicId: string; topic: string }>;

export type Cluster = Awaited<ReturnType<Admin["metadata"]>>;

export function kafkaConnection({
  brokers,
  clientId,
  tls,
  sasl,
}: Pick<KafkaOptions, "brokers" | "clientId" | "tls" | "sasl">) {
  return {
    clientId,
    bootstrapBrokers: [...brokers],
    connectTimeout: CONNECT_TIMEOUT_MS,
    requestTimeout: REQUEST_TIMEOUT_MS,
    // Enough for a short fault; a longer one ends the session, and the source connects again.
    retries: 2,
    retryDelay: 200,
    context: OWN_INSTANCE,
    ...(tls ? { tls } : {}),
    ...(sasl ? { sasl } : {}),
  };
}

/** What has to be known before the group is joined: the topic, and the brokers that lead its partitions. */
export async function fetchMetadata(options: KafkaOptions): Promise<Cluster> {
  const admin = new Admin(kafkaConnection(options));
  try {
    return await findTopic(admin, options.topic, options.newTopicPartitions);
  } finally {
    await admin.close().catch(() => {});
  }
}

/**
 * @param partitions number of partitions of a topic that is created if it does not exist; 0: it is not created.
 * @throws Error if it does not exist.
 */
export async function findTopic(admin: Admin, topic: string, partitions: number): Promise<Cluster> {
  try {
    return await admin.metadata({ topics: [topic] });
  } catch (error) {
    // The only error of this class here: the cluster answered, and has no such topic.
    if (!(error instanceof UserError)) throw error;
    if (partitions === 0) {
      throw new Error(
        `topic ${topic} does not exist; the source waits for it (KAFKA_CREATE_TOPIC=<number of partitions> creates it)`,
      );
    }
    await admin.createTopics({ topics: [topic], partitions, replicas: DEFAULT_OF_BROKER });
    return await admin.metadata({ topics: [topic], forceUpdate: true });
  }
}

/** Whether the group has moved on and this member has not heard of it yet. */
export function isRebalance(error: unknown): boolean {
  return error instanceof MultipleErrors && REBALANCE_ERRORS.some((apiId) => error.findBy("apiId", apiId));
}

/** Whether the broker does not know the request. A broker that only has it switched off says so when it is asked. */
export function isUnsupported(error: unknown): boolean {
  if (error instanceof UnsupportedApiError) return true;
  return error instanceof MultipleErrors && error.findBy("apiId", "UNSUPPORTED_VERSION") !== null;
}

/**
 * Some of the library's objects emit an error twice: a connection whose broker hangs up while it authenticates does. The
 * first error rejects the pending promise; the second has no listener and would end the process. While the result is
 * not disposed of, each object that `kafkaConnection` configures gets a listener.
 */
export function guardSecondErrors(): Disposable {
  const guard = (created: unknown) => {
    const { instance } = created as CreationEvent<EventEmitter & { context?: unknown }>;
    if (instance.context === OWN_INSTANCE) instance.on("error", () => {});
  };
  subscribe(instancesChannel.name, guard);
  return { [Symbol.dispose]: () => unsubscribe(instancesChannel.name, guard) };
}

/** Marks the library's objects that belong to Waybill; others of the process may have error handlers of their own. */
const OWN_INSTANCE = Symbol("waybill");

const REBALANCE_ERRORS = ["STALE_MEMBER_EPOCH", "REBALANCE_IN_PROGRESS", "ILLEGAL_GENERATION"];

const DEFAULT_OF_BROKER = -1;
/** A broker nearby accepts within milliseconds; this includes TLS and authentication. */
const CONNECT_TIMEOUT_MS = 3_000;
/** Longer than any request waits at a broker; a rebalance with the classic protocol takes seconds. */
const REQUEST_TIMEOUT_MS = 10_000;
