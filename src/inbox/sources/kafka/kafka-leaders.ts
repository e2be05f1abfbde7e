/** The brokers that lead a topic's partitions, and the one request that each of them is asked: for records. */
import {
  type Connection,
  ConnectionPool,
  type Consumer,
  FetchIsolationLevels,
  fetchV13,
  ResponseError,
} from "@platformatic/kafka";
import { type Cluster, type KafkaLog, type KafkaOptions, kafkaConnection } from "./kafka-cluster.ts";

export type FetchResponse = fetchV13.FetchResponse;
export type FetchedPartition = FetchResponse["responses"][number]["partitions"][number];

/** From which offset a partition is read on. */
type Place = Readonly<{ index: number; position: number }>;

export class KafkaLeaders {
  readonly #log: KafkaLog;
  readonly #consumer: Consumer;
  /** Of its own: a request that waits for records keeps those behind it on the same connection waiting. */
  readonly #connections: ConnectionPool;
  #cluster: Cluster;

  constructor(options: KafkaOptions, consumer: Consumer, cluster: Cluster, log: KafkaLog) {
    this.#log = log;
    this.#consumer = consumer;
    this.#cluster = cluster;
    this.#connections = new ConnectionPool(options.clientId, kafkaConnection(options));
  }

  get partitionsCount(): number {
    return this.#cluster.topics.get(this.#log.topic)?.partitionsCount ?? 0;
  }

  /** The broker that leads a partition; undefined while none does. */
  of(partition: number): number | undefined {
    const leader = this.#cluster.topics.get(this.#log.topic)?.partitions[partition]?.leader;
    return leader !== undefined && this.#cluster.brokers.has(leader) ? leader : undefined;
  }

  /** Finds out who leads now. @throws where the topic is another one now. */
  async lookAgain(): Promise<void> {
    const { topic, topicId } = this.#log;
    const cluster = await this.#consumer.metadata({ topics: [topic], forceUpdate: true });
    if (cluster.topics.get(topic)?.id !== topicId)
      throw new Error(`topic ${topic} was deleted and made again`);
    this.#cluster = cluster;
  }

  /**
   * Asks a broker for records, and lets it wait a little where there are none. What is wrong with a single partition
   * stands in the answer.
   */
  async fetch(leader: number, places: readonly Place[]): Promise<FetchResponse> {
    const broker = this.#cluster.brokers.get(leader);
    if (!broker) throw new Error(`broker ${leader} is not there any more`);
    return await fetchRecords(await this.#connections.get(broker), this.#log.topicId, places);
  }

  close(): Promise<void> {
    return this.#connections.close();
  }
}

async function fetchRecords(
  connection: Connection,
  topicId: string,
  places: readonly Place[],
): Promise<FetchResponse> {
  const partitions = places.map(({ index, position }) => ({
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
    // One partition's error comes with the records of all the others.
    if (error instanceof ResponseError && isFetchResponse(error.response)) return error.response;
    throw error;
  }
}

function isFetchResponse(response: unknown): response is FetchResponse {
  return (response as FetchResponse | undefined)?.errorCode === 0;
}

/** What one request may bring, and so what a broker's partitions may hold beside the inbox: half an append. */
const FETCH_BYTES_MAX = 4 * 1024 * 1024;
const FETCH_BYTES_MIN = 1;
const FETCH_WAIT_MS = 500;
/** Source: KIP-227, the session id and epoch of a full fetch that begins no session. */
const WITHOUT_FETCH_SESSION = [0, -1] as const;
const UNKNOWN_EPOCH = -1;
