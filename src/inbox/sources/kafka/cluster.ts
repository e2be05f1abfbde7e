/** The source's options, and the meaning of the library's errors. */
import { Admin, MultipleErrors, UnsupportedApiError } from "@platformatic/kafka";
import type { KafkaConfig } from "../../../config/sources.ts";
import type { SourceGap } from "../../../contract/source.ts";
import { kafkaConnection } from "../../../kafka/connection.ts";
import { type Cluster, findTopic } from "../../../kafka/find-topic.ts";
import type { Logger } from "../../../telemetry/logger.ts";

export type KafkaOptions = KafkaConfig &
  Readonly<{
    logger: Logger;
    noteGap: (gap: SourceGap) => Promise<void>;
  }>;

/** A deleted and recreated topic has another id. */
export type TopicIdentity = Readonly<{ clusterId: string; topicId: string; topic: string }>;

export async function fetchMetadata(options: KafkaOptions): Promise<Cluster> {
  const admin = new Admin(kafkaConnection(options));
  try {
    return await findTopic(admin, options.topic, options.newTopicPartitions);
  } finally {
    await admin.close().catch(() => {});
  }
}

/** Whether the group rebalances and this member does not know yet. */
export function isRebalance(error: unknown): boolean {
  return error instanceof MultipleErrors && REBALANCE_ERRORS.some((apiId) => error.findBy("apiId", apiId));
}

/** Also if the broker has the feature disabled. */
export function isUnsupported(error: unknown): boolean {
  if (error instanceof UnsupportedApiError) return true;
  return error instanceof MultipleErrors && error.findBy("apiId", "UNSUPPORTED_VERSION") !== null;
}

const REBALANCE_ERRORS = ["STALE_MEMBER_EPOCH", "REBALANCE_IN_PROGRESS", "ILLEGAL_GENERATION"];
