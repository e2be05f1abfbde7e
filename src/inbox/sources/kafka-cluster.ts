/**
 * A Kafka cluster as the service and the publisher meet it: what has to be said of it, how it is connected to, whether the topic is there, and the
 * one request for which the library's own layer above is not used.
 */
import type { EventEmitter } from "node:events";
import type { ConnectionOptions as TlsOptions } from "node:tls";
import {
  Admin,
  type Connection,
  type CreationEvent,
  FetchIsolationLevels,
  fetchV13,
  instancesChannel,
  MultipleErrors,
  ResponseError,
  UnsupportedApiError,
  UserError,
} from "@platformatic/kafka";
import type { Logger } from "../../telemetry/logger.ts";
import type { SourceGap } from "./source.ts";

export type KafkaOptions = Readonly<{
  /** `host:port` of some of the cluster's brokers. */
  brokers: readonly string[];
  topic: string;
  groupId: string;
  /**
   * Unique among running processes. One that stays the same over restarts gets back at once what the process before it
   * held; another one waits until the broker has given that up (45 s by default).
   */
  clientId: string;
  /**
   * `consumer` is the protocol of KIP-848, in which a rebalance takes away only what moves and everything else is read
   * on; brokers have it switched on since Kafka 4.0. `auto` tries it first.
   */
  groupProtocol: "auto" | "consumer" | "classic";
  /** With how many partitions the topic is made where it does not exist; 0: it is waited for. */
  newTopicPartitions: number;
  tls?: TlsOptions | undefined;
  sasl?:
    | Readonly<{ mechanism: "PLAIN" | "SCRAM-SHA-256" | "SCRAM-SHA-512"; username: string; password: string }>
    | undefined;
  logger: Logger;
  /** Writes down, for ever, what the broker has removed before it was read. */
  noteGap: (gap: SourceGap) => Promise<void>;
}>;

export type Cluster = Awaited<ReturnType<Admin["metadata"]>>;
export type FetchResponse = fetchV13.FetchResponse;
export type FetchedPartition = FetchResponse["responses"][number]["partitions"][number];

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

/**
 * Asks a broker for records of one topic, and lets it wait a little where there are none. What is wrong with a single
 * partition stands in the answer.
 */
export async function fetchRecords(
  connection: Connection,
  topicId: string,
  partitions: readonly Readonly<{ index: number; position: number }>[],
): Promise<FetchResponse> {
  const asked = partitions.map(({ index, position }) => ({
    partition: index,
    currentLeaderEpoch: UNKNOWN_EPOCH,
    fetchOffset: BigInt(position),
    lastFetchedEpoch: UNKNOWN_EPOCH,
    partitionMaxBytes: FETCH_BYTES_MAX,
  }));
  try {
    return await fetchV13.api.async(
      connection,
      FETCH_WAIT_MS,
      FETCH_BYTES_MIN,
      FETCH_BYTES_MAX,
      FetchIsolationLevels.READ_COMMITTED,
      ...WITHOUT_FETCH_SESSION,
      [{ topicId, partitions: asked }],
      [],
      "",
    );
  } catch (error) {
    // One partition's error comes with the records of all the others.
    if (error instanceof ResponseError && isFetchResponse(error.response)) return error.response;
    throw error;
  }
}

function isFetchResponse(response: unknown): response is FetchResponse {
  return (response as FetchResponse | undefined)?.errorCode === 0;
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

/** What one request may bring, and so what a broker's partitions may hold beside the inbox: half an append. */
const FETCH_BYTES_MAX = 4 * 1024 * 1024;
const FETCH_BYTES_MIN = 1;
const FETCH_WAIT_MS = 500;
/** Source: KIP-227, the session id and epoch of a full fetch that begins no session. */
const WITHOUT_FETCH_SESSION = [0, -1] as const;
const UNKNOWN_EPOCH = -1;
const DEFAULT_OF_BROKER = -1;
const CONNECT_TIMEOUT_MS = 3_000;
const REQUEST_TIMEOUT_MS = 10_000;
