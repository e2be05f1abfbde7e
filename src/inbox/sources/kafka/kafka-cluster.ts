/**
 * A Kafka cluster as the service and the publisher meet it: what has to be said of it, how it is connected to, whether
 * the topic is there, and what its errors mean.
 */
import type { EventEmitter } from "node:events";
import {
  Admin,
  type CreationEvent,
  instancesChannel,
  MultipleErrors,
  UnsupportedApiError,
  UserError,
} from "@platformatic/kafka";
import type { KafkaConfig } from "../../../config/config.ts";
import type { SourceGap } from "../../../contract/source.ts";
import type { Logger } from "../../../telemetry/logger.ts";

export type KafkaOptions = KafkaConfig &
  Readonly<{
    logger: Logger;
    /** Records the offsets that retention removed before they were read. */
    noteGap: (gap: SourceGap) => Promise<void>;
  }>;

/** Which log the offsets are of. A topic that was deleted and made again has another id. */
export type KafkaLog = Readonly<{ clusterId: string; topicId: string; topic: string }>;

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
    // Short troubles are over by then; for longer ones whoever connects begins anew.
    retries: 2,
    retryDelay: 200,
    ...(tls ? { tls } : {}),
    ...(sasl ? { sasl } : {}),
  };
}

/** What has to be known before the group is joined: the topic, and where its partitions are. */
export async function lookAround(options: KafkaOptions): Promise<Cluster> {
  const admin = new Admin(kafkaConnection(options));
  try {
    return await findTopic(admin, options.topic, options.newTopicPartitions);
  } finally {
    await admin.close().catch(() => {});
  }
}

/**
 * @param partitions with how many of them the topic is made where it does not exist; 0: it is not made.
 * @throws where it does not exist.
 */
export async function findTopic(admin: Admin, topic: string, partitions: number): Promise<Cluster> {
  try {
    return await admin.metadata({ topics: [topic] });
  } catch (error) {
    // The only error of this class here: the cluster has answered, and knows no such topic.
    if (!(error instanceof UserError)) throw error;
    if (partitions === 0) {
      throw new Error(
        `topic ${topic} does not exist; it is waited for (KAFKA_CREATE_TOPIC=<number of partitions> makes it)`,
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

/** Whether the broker does not know what it was asked. One that only has it switched off says so when it is asked. */
export function isUnsupported(error: unknown): boolean {
  if (error instanceof UnsupportedApiError) return true;
  return error instanceof MultipleErrors && error.findBy("apiId", "UNSUPPORTED_VERSION") !== null;
}

/**
 * Some of the library's objects raise an error twice: a connection whose broker hangs up while it authenticates does.
 * Whoever waits has heard of the first one; nobody listens to the second, and that would end the process.
 */
instancesChannel.subscribe((created) => {
  const { instance } = created as CreationEvent<EventEmitter>;
  instance.on("error", () => {});
});

const REBALANCE_ERRORS = ["STALE_MEMBER_EPOCH", "REBALANCE_IN_PROGRESS", "ILLEGAL_GENERATION"];

const DEFAULT_OF_BROKER = -1;
const CONNECT_TIMEOUT_MS = 3_000;
const REQUEST_TIMEOUT_MS = 10_000;
