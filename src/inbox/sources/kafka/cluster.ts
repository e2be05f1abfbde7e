/**
 * A Kafka cluster as the source sees it: its options, whether the topic exists, and what the library's errors mean.
 */
import { Admin, MultipleErrors, UnsupportedApiError } from "@platformatic/kafka";
import type { KafkaConfig } from "../../../config/sources.ts";
import type { SourceGap } from "../../../contract/source.ts";
import { kafkaConnection } from "../../../kafka/connection.ts";
import { type Cluster, findTopic } from "../../../kafka/find-topic.ts";
import type { Logger } from "../../../telemetry/logger.ts";

export type KafkaOptions = KafkaConfig &
  Readonly<{
    logger: Logger;
    /** Records the offsets that retention removed before they were read. */
    noteGap: (gap: SourceGap) => Promise<void>;
  }>;

/** The identity of a topic. A topic that was deleted and created again has another id. */
export type TopicIdentity = Readonly<{ clusterId: string; topicId: string; topic: string }>;

/** What has to be known before the group is joined: the topic, and the brokers that lead its partitions. */
export async function fetchMetadata(options: KafkaOptions): Promise<Cluster> {
  const admin = new Admin(kafkaConnection(options));
  try {
    return await findTopic(admin, options.topic, options.newTopicPartitions);
  } finally {
    await admin.close().catch(() => {});
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

const REBALANCE_ERRORS = ["STALE_MEMBER_EPOCH", "REBALANCE_IN_PROGRESS", "ILLEGAL_GENERATION"];
