/**
 * One membership in a consumer group, from joining it to losing or leaving it. The library keeps the membership and
 * speaks the protocol; which offset is read, and which one is stored for the group, is decided here: an offset is stored
 * when everything below it is in the inbox, and never before.
 *
 * Records are asked for through the library's protocol layer and not through its streams, for three reasons. A stream
 * asks for a topic by its name, so the records of a topic that was made again would be taken for a continuation of the
 * old one; here the topic's id is part of every request. A stream tells aborted transactions from committed ones only
 * where both ends of them came in one response. And what waits for room is counted there in messages, here in bytes.
 */

import { setTimeout as delay, setImmediate as nextTurn } from "node:timers/promises";
import { ConnectionPool, Consumer, protocolErrors, protocolErrorsCodesById } from "@platformatic/kafka";
import {
  type Cluster,
  type FetchedPartition,
  type FetchResponse,
  fetchRecords,
  isUnsupported,
  type KafkaOptions,
  kafkaConnection,
  lookAround,
} from "./kafka-cluster.ts";
import { KafkaOffsets } from "./kafka-offsets.ts";
import { KafkaPartition } from "./kafka-partition.ts";
import { type KafkaLog, readFetched } from "./kafka-records.ts";
import type { Sink } from "./source.ts";

export class KafkaSession {
  readonly log: KafkaLog;
  readonly #options: KafkaOptions;
  readonly #inbox: Sink;
  readonly #consumer: Consumer;
  readonly #offsets: KafkaOffsets;
  /** Of its own: a request that waits for records keeps those behind it on the same connection waiting. */
  readonly #connections: ConnectionPool;
  readonly #partitions = new Map<number, KafkaPartition>();
  /** The brokers with a request for records under way. */
  readonly #asked = new Set<number>();
  readonly #trustsStored: boolean;
  #cluster: Cluster;
  #lost: { cause: unknown } | undefined;
  #onLost: ((cause: unknown) => void) | undefined;
  #isOver = false;
  #isReading = true;
  #storing: Promise<void> | undefined;
  #assigning: Promise<void> | undefined;
  #isAssignedAnew = false;
  #retry: NodeJS.Timeout | undefined;
  readonly #refreshing: NodeJS.Timeout;

  private constructor(
    options: KafkaOptions,
    inbox: Sink,
    consumer: Consumer,
    cluster: Cluster,
    log: KafkaLog,
    trustsStored: boolean,
  ) {
    this.#options = options;
    this.#inbox = inbox;
    this.#consumer = consumer;
    this.#offsets = new KafkaOffsets(consumer, log.topic);
    this.#cluster = cluster;
    this.log = log;
    this.#trustsStored = trustsStored;
    this.#connections = new ConnectionPool(options.clientId, kafkaConnection(options));
    this.#refreshing = setInterval(() => void this.#refresh(), REFRESH_MS);
  }

  /**
   * Joins the group and begins to read.
   * @param knownTopicId the topic as it was in the last session. Offsets that the group has stored for it say nothing
   * of a new topic with its name.
   * @throws where the broker, the topic or the credentials are not as they should be.
   */
  static async open(
    options: KafkaOptions,
    inbox: Sink,
    knownTopicId: string | undefined,
  ): Promise<KafkaSession> {
    const cluster = await lookAround(options);
    const { groupProtocol } = options;
    if (groupProtocol !== "auto")
      return await KafkaSession.#openBy(groupProtocol, options, inbox, cluster, knownTopicId);
    try {
      return await KafkaSession.#openBy("consumer", options, inbox, cluster, knownTopicId);
    } catch (error) {
      if (!isUnsupported(error)) throw error;
      return await KafkaSession.#openBy("classic", options, inbox, cluster, knownTopicId);
    }
  }

  static async #openBy(
    protocol: "consumer" | "classic",
    options: KafkaOptions,
    inbox: Sink,
    cluster: Cluster,
    knownTopicId: string | undefined,
  ): Promise<KafkaSession> {
    const { topic, groupId, clientId } = options;
    const topicId = (cluster.topics.get(topic) as { id: string }).id;
    const consumer = new Consumer({
      ...kafkaConnection(options),
      groupId,
      autocommit: false,
      // A process that starts again under the same id gets back at once what the one before it held.
      ...(protocol === "consumer"
        ? { groupProtocol: protocol }
        : { groupInstanceId: clientId, sessionTimeout: SESSION_TIMEOUT_MS }),
    });
    const log = { clusterId: cluster.id, topicId, topic };
    const trustsStored = knownTopicId === undefined || knownTopicId === topicId;
    const session = new KafkaSession(options, inbox, consumer, cluster, log, trustsStored);
    try {
      await session.#join(protocol);
      if (session.#lost) throw session.#lost.cause;
    } catch (error) {
      await session.close();
      throw error;
    }
    return session;
  }

  /** Calls the listener when the session ends by itself; at once where it has already. */
  onLost(listener: (cause: unknown) => void): void {
    if (this.#lost) listener(this.#lost.cause);
    else this.#onLost = listener;
  }

  /** How many messages of its partitions are not in the inbox yet. */
  get lag(): number {
    let lag = 0;
    for (const partition of this.#partitions.values()) lag += partition.lag;
    return lag;
  }

  /** Reads nothing more; what was offered before is still stored for the group. */
  stop(): void {
    this.#isReading = false;
  }

  /** Stores what is in the inbox and leaves the group. */
  async close(): Promise<void> {
    this.stop();
    clearInterval(this.#refreshing);
    clearTimeout(this.#retry);
    const leave = async () => {
      if (!this.#isOver) await (this.#storing ?? this.#storeAll());
      this.#isOver = true;
      await this.#consumer.close(true);
    };
    // A broker that does not answer keeps the member until its time is up; nothing depends on that.
    await Promise.race([leave().catch(() => {}), delay(CLOSE_TIMEOUT_MS)]);
    this.#isOver = true;
    await Promise.race([this.#connections.close().catch(() => {}), delay(DISCONNECT_TIMEOUT_MS)]);
  }

  async #join(protocol: string): Promise<void> {
    const consumer = this.#consumer;
    consumer.on("error", (error: unknown) => this.#lose(error));
    consumer.on("consumer:heartbeat:error", ({ error }) => this.#lose(error));
    consumer.on("consumer:heartbeat:end", () => void this.#assignSoon());
    consumer.on("consumer:group:join", () => void this.#assignSoon());
    const { topic } = this.log;
    if (protocol === "consumer") {
      consumer.memberId = this.#options.clientId;
      // With this protocol the library joins only for a stream. It is closed before it has read anything, and the
      // membership stays as long as the topic is tracked.
      const stream = await consumer.consume({ topics: [topic], autocommit: false });
      consumer.topics.track(topic);
      await stream.close();
    } else {
      consumer.topics.track(topic);
      await consumer.joinGroup();
    }
    await this.#assignSoon();
  }

  #lose(cause: unknown): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#lost = { cause };
    this.stop();
    this.#onLost?.(cause);
  }

  /** Brings the partitions in line with what the group has assigned, one change at a time. */
  #assignSoon(): Promise<void> {
    this.#isAssignedAnew = true;
    this.#assigning ??= this.#assign()
      .catch((error: unknown) => this.#lose(error))
      .finally(() => {
        this.#assigning = undefined;
      });
    return this.#assigning;
  }

  async #assign(): Promise<void> {
    while (this.#isAssignedAnew && !this.#isOver) {
      this.#isAssignedAnew = false;
      const ours = this.#consumer.assignments?.find(({ topic }) => topic === this.log.topic);
      const assigned = ours?.partitions ?? [];
      for (const index of this.#partitions.keys()) {
        if (!assigned.includes(index)) this.#partitions.delete(index);
      }
      const added = assigned.filter((index) => !this.#partitions.has(index));
      if (added.length > 0) {
        await this.#begin(added);
        const partitions = [...this.#partitions.keys()];
        this.#options.logger.info({ source: "kafka", partitions }, "partitions were assigned");
      }
      this.#read();
    }
  }

  /** Finds out where to read on. Without a stored offset that is the beginning: nothing is passed over. */
  async #begin(added: number[]): Promise<void> {
    await this.#lookAgain();
    const stored = await this.#offsets.stored(added);
    const earliest = await this.#offsets.earliest(added);
    for (const index of added) {
      const offset = this.#trustsStored ? (stored.get(index) ?? -1) : -1;
      const first = earliest.get(index) ?? 0;
      const partition = new KafkaPartition(index, Math.max(offset, first), offset);
      if (offset >= 0 && offset < first) await this.#noteGap(partition, offset, first);
      this.#partitions.set(index, partition);
    }
  }

  /** Written down before anything is read behind it: with the next stored offset nobody could tell any more. */
  async #noteGap(partition: KafkaPartition, from: number, next: number): Promise<void> {
    const { topic: channel, topicId } = this.log;
    const series = `partition ${partition.index} of topic ${topicId}`;
    const gap = { source: "kafka", channel, series, from: BigInt(from), to: BigInt(next) - 1n };
    await this.#options.noteGap(gap);
    this.#options.logger.error(
      { source: "kafka", channel, series, from, to: next - 1 },
      "the broker has removed records before they were read: they are lost, and the audit counts them",
    );
  }

  /** Offers what was read; where all of it found room, asks every broker that leads a partition for more. */
  #read(): void {
    if (!this.#isReading || this.#isOver) return;
    const partitions = [...this.#partitions.values()];
    for (const partition of partitions) partition.offer(this.#inbox, () => this.#storeSoon());
    if (partitions.some(({ isWaiting }) => isWaiting)) {
      this.#readLater(ROOM_POLL_MS);
      return;
    }
    const wanted = new Map<number, KafkaPartition[]>();
    for (const partition of partitions) {
      const leader = this.#cluster.topics.get(this.log.topic)?.partitions[partition.index]?.leader ?? NOBODY;
      wanted.set(leader, [...(wanted.get(leader) ?? []), partition]);
    }
    for (const [leader, led] of wanted) {
      if (!this.#cluster.brokers.has(leader)) this.#readLater(LEADER_POLL_MS);
      else if (!this.#asked.has(leader)) void this.#ask(leader, led);
    }
  }

  #readLater(milliseconds: number): void {
    this.#retry ??= setTimeout(() => {
      this.#retry = undefined;
      this.#read();
    }, milliseconds);
  }

  async #ask(leader: number, partitions: readonly KafkaPartition[]): Promise<void> {
    this.#asked.add(leader);
    try {
      const response = await this.#fetch(leader, partitions);
      for (const answered of response.responses.flatMap((topic) => topic.partitions)) {
        const partition = partitions.find(({ index }) => index === answered.partitionIndex);
        // What was taken away meanwhile is read by its new owner.
        if (!partition || this.#partitions.get(partition.index) !== partition || this.#isOver) continue;
        await this.#take(partition, answered);
      }
    } catch (error) {
      this.#lose(error);
    } finally {
      this.#asked.delete(leader);
    }
    this.#read();
  }

  async #fetch(leader: number, partitions: readonly KafkaPartition[]): Promise<FetchResponse> {
    const broker = this.#cluster.brokers.get(leader) as { host: string; port: number };
    return await fetchRecords(await this.#connections.get(broker), this.log.topicId, partitions);
  }

  async #take(partition: KafkaPartition, answered: FetchedPartition): Promise<void> {
    const error = protocolErrorsCodesById[answered.errorCode];
    if (answered.errorCode === 0) {
      partition.end = Number(answered.lastStableOffset);
      const { fetched, position } = readFetched(this.log, answered, partition.position);
      partition.take(fetched, position);
    } else if (error === "OFFSET_OUT_OF_RANGE") {
      await this.#readElsewhere(partition);
    } else if (LEADER_ERRORS.has(error ?? "")) {
      await delay(LEADER_POLL_MS);
      await this.#lookAgain();
    } else {
      const { message } = protocolErrors[error ?? ""] ?? { message: `error ${answered.errorCode}` };
      throw new Error(`partition ${partition.index}: ${message}`);
    }
  }

  async #readElsewhere(partition: KafkaPartition): Promise<void> {
    const { index, position } = partition;
    const earliest = (await this.#offsets.earliest([index])).get(index) ?? 0;
    if (position < earliest) await this.#noteGap(partition, position, earliest);
    else {
      this.#options.logger.error(
        { source: "kafka", partition: index, position },
        "the broker has lost the end of its log; everything that it still has is read again",
      );
    }
    partition.jumpTo(earliest);
  }

  /** One request stores what all that was committed in the same turn amounts to. */
  #storeSoon(): void {
    this.#storing ??= this.#storeAll()
      .catch((error: unknown) => this.#lose(error))
      .finally(() => {
        this.#storing = undefined;
      });
  }

  async #storeAll(): Promise<void> {
    await nextTurn();
    while (!this.#isOver) {
      const due = [...this.#partitions.values()].filter(({ done, stored }) => done > stored);
      if (due.length === 0) return;
      const offsets = new Map(due.map(({ index, done }) => [index, done]));
      await this.#offsets.store(offsets);
      for (const partition of due) partition.stored = offsets.get(partition.index) as number;
    }
  }

  async #lookAgain(): Promise<void> {
    const { topic, topicId } = this.log;
    const cluster = await this.#consumer.metadata({ topics: [topic], forceUpdate: true });
    if (cluster.topics.get(topic)?.id !== topicId)
      throw new Error(`topic ${topic} was deleted and made again`);
    this.#cluster = cluster;
  }

  /** Notices what has changed, and how much waits at the broker, while nothing is read. */
  async #refresh(): Promise<void> {
    const count = () => this.#cluster.topics.get(this.log.topic)?.partitionsCount ?? 0;
    const before = count();
    try {
      await this.#lookAgain();
      if (count() !== before) throw new Error(`topic ${this.log.topic} has ${count()} partitions now`);
      const ends = await this.#offsets.latest([...this.#partitions.keys()]);
      for (const [index, end] of ends) {
        const partition = this.#partitions.get(index);
        if (partition) partition.end = end;
      }
    } catch (error) {
      this.#lose(error);
    }
  }
}

const LEADER_ERRORS = new Set([
  "LEADER_NOT_AVAILABLE",
  "NOT_LEADER_OR_FOLLOWER",
  "FENCED_LEADER_EPOCH",
  "UNKNOWN_LEADER_EPOCH",
  "OFFSET_NOT_AVAILABLE",
]);

/** While the inbox is full: a hundredth of it empties in that time. */
const ROOM_POLL_MS = 20;
const LEADER_POLL_MS = 200;
/** Brokers count from 0. */
const NOBODY = -1;
const REFRESH_MS = 10_000;
const CLOSE_TIMEOUT_MS = 1_500;
const DISCONNECT_TIMEOUT_MS = 500;

/** How long a member that died keeps its partitions, with the classic protocol; the new one's is the broker's matter. */
const SESSION_TIMEOUT_MS = 30_000;
