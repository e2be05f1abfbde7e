/**
 * Requests about a topic's partitions: leaders, records and offsets. Offsets are numbers, because they are below 2^53.
 */
import { setTimeout as delay } from "node:timers/promises";
import {
  type Connection,
  ConnectionPool,
  type Consumer,
  FetchIsolationLevels,
  fetchV13,
  ListOffsetTimestamps,
  ResponseError,
} from "@platformatic/kafka";
import { kafkaConnection } from "../../../kafka/connection.ts";
import type { Cluster } from "../../../kafka/find-topic.ts";
import { isRebalance, type KafkaOptions, type TopicIdentity } from "./cluster.ts";

export type FetchResponse = fetchV13.FetchResponse;
export type FetchedPartition = FetchResponse["responses"][number]["partitions"][number];

/** By partition. */
type Offsets = ReadonlyMap<number, number>;

/** A partition and its next offset. */
type Position = Readonly<{ index: number; position: number }>;

export class PartitionLog {
  readonly identity: TopicIdentity;
  readonly #consumer: Consumer;
  /** A fetch that waits for records would block the consumer's requests. */
  readonly #connections: ConnectionPool;
  #cluster: Cluster;

  constructor(options: KafkaOptions, consumer: Consumer, cluster: Cluster, identity: TopicIdentity) {
    this.identity = identity;
    this.#consumer = consumer;
    this.#cluster = cluster;
    this.#connections = new ConnectionPool(options.clientId, kafkaConnection(options));
  }

  get partitionsCount(): number {
    return this.#cluster.topics.get(this.identity.topic)?.partitionsCount ?? 0;
  }

  /** Undefined during an election. */
  leaderOf(partition: number): number | undefined {
    const leader = this.#cluster.topics.get(this.identity.topic)?.partitions[partition]?.leader;
    return leader !== undefined && this.#cluster.brokers.has(leader) ? leader : undefined;
  }

  /** @throws Error if the topic was deleted and created again. */
  async refreshMetadata(): Promise<void> {
    const { topic, topicId } = this.identity;
    const cluster = await this.#consumer.metadata({ topics: [topic], forceUpdate: true });
    if (cluster.topics.get(topic)?.id !== topicId) {
      throw new Error(`topic ${topic} was deleted and created again`);
    }
    this.#cluster = cluster;
  }

  /** Errors of single partitions are in the response. */
  async fetch(leader: number, positions: readonly Position[]): Promise<FetchResponse> {
    const broker = this.#cluster.brokers.get(leader);
    if (!broker) throw new Error(`broker ${leader} has left the cluster`);
    return await fetchRecords(await this.#connections.get(broker), this.identity.topicId, positions);
  }

  earliestOffsets(partitions: readonly number[]): Promise<Offsets> {
    return this.#listOffsets(partitions, ListOffsetTimestamps.EARLIEST);
  }

  /** After the last readable records. */
  latestOffsets(partitions: readonly number[]): Promise<Offsets> {
    return this.#listOffsets(partitions, ListOffsetTimestamps.LATEST);
  }

  /** -1 if there is none. */
  async committedOffsets(partitions: readonly number[]): Promise<Offsets> {
    const { topic } = this.identity;
    const wanted = { topic, partitions: [...partitions] };
    const found = (await this.#consumer.listCommittedOffsets({ topics: [wanted] })).get(topic);
    return new Map(partitions.map((index) => [index, Number(found?.[index] ?? -1)]));
  }

  /**
   * Retries during a rebalance.
   * @throws MultipleErrors if the coordinator rejects the offsets.
   */
  async commit(offsets: Offsets): Promise<void> {
    const { topic } = this.identity;
    const committed = [...offsets].map(([partition, offset]) => ({
      topic,
      partition,
      offset: BigInt(offset),
      leaderEpoch: UNKNOWN_EPOCH,
    }));
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#consumer.commit({ offsets: committed });
      } catch (error) {
        // The next heartbeat brings the group's new state.
        if (attempt === COMMIT_ATTEMPTS_MAX || !isRebalance(error)) throw error;
        await delay(COMMIT_RETRY_MS);
      }
    }
  }

  async connectToCoordinator(): Promise<Connection> {
    const coordinator = this.#cluster.brokers.get(await this.#consumer.findGroupCoordinator());
    if (!coordinator) throw new Error("the group has no coordinator");
    return await this.#connections.get(coordinator);
  }

  close(): Promise<void> {
    return this.#connections.close();
  }

  async #listOffsets(partitions: readonly number[], timestamp: bigint): Promise<Offsets> {
    if (partitions.length === 0) return new Map();
    const { topic } = this.identity;
    const wanted = { topics: [topic], partitions: { [topic]: [...partitions] }, timestamp };
    const found = (await this.#consumer.listOffsets(wanted)).get(topic);
    return new Map(partitions.map((index) => [index, Number(found?.[index] ?? 0n)]));
  }
}

async function fetchRecords(
  connection: Connection,
  topicId: string,
  positions: readonly Position[],
): Promise<FetchResponse> {
  const partitions = positions.map(({ index, position }) => ({
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
      [{ topicId, partitions }],
      [],
      "",
    );
  } catch (error) {
    // The response also has the records of all other partitions.
    if (error instanceof ResponseError && isFetchResponse(error.response)) return error.response;
    throw error;
  }
}

function isFetchResponse(response: unknown): response is FetchResponse {
  return (response as FetchResponse | undefined)?.errorCode === 0;
}

/** Half an append, for each broker, in addition to the inbox. */
const FETCH_BYTES_MAX = 4 * 1024 * 1024;
const FETCH_BYTES_MIN = 1;
/** An idle service sends each broker two requests a second. */
const FETCH_WAIT_MS = 500;
/** Source: KIP-227, a full fetch without a session. */
const WITHOUT_FETCH_SESSION = [0, -1] as const;
const UNKNOWN_EPOCH = -1;

/** Together five seconds: longer than a heartbeat. */
const COMMIT_RETRY_MS = 200;
const COMMIT_ATTEMPTS_MAX = 25;
