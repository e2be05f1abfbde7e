/**
 * One membership in a consumer group, from joining it to losing or leaving it. The library keeps the membership and
 * speaks the protocol; which offset is read, and which one is stored for the group, is decided here: an offset is stored
 * when everything below it is in the inbox, and never before.
 */
import { setTimeout as delay, setImmediate as nextTurn } from "node:timers/promises";
import { Consumer } from "@platformatic/kafka";
import type { Sink } from "../../../contract/source.ts";
import {
  type Cluster,
  isUnsupported,
  type KafkaLog,
  type KafkaOptions,
  kafkaConnection,
  lookAround,
} from "./kafka-cluster.ts";
import { KafkaLeaders } from "./kafka-leaders.ts";
import { KafkaOffsets } from "./kafka-offsets.ts";
import { KafkaPartition } from "./kafka-partition.ts";
import { KafkaReader } from "./kafka-reader.ts";

export class KafkaSession {
  readonly log: KafkaLog;
  readonly #options: KafkaOptions;
  readonly #consumer: Consumer;
  readonly #offsets: KafkaOffsets;
  readonly #leaders: KafkaLeaders;
  readonly #partitions = new Map<number, KafkaPartition>();
  readonly #reader: KafkaReader;
  readonly #trustsStored: boolean;
  #lost: { cause: unknown } | undefined;
  #onLost: ((cause: unknown) => void) | undefined;
  #isOver = false;
  #storing: Promise<void> | undefined;
  #assigning: Promise<void> | undefined;
  #isAssignedAnew = false;
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
    this.#consumer = consumer;
    this.#offsets = new KafkaOffsets(consumer, log.topic);
    this.#leaders = new KafkaLeaders(options, consumer, cluster, log);
    this.#reader = new KafkaReader({
      log,
      inbox,
      partitions: this.#partitions,
      leaders: this.#leaders,
      onCommitted: () => this.#storeSoon(),
      readElsewhere: (partition) => this.#readElsewhere(partition),
      onLost: (cause) => this.#lose(cause),
    });
    this.log = log;
    this.#trustsStored = trustsStored;
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
    this.#reader.stop();
  }

  /** Stores what is in the inbox and leaves the group. */
  async close(): Promise<void> {
    this.stop();
    clearInterval(this.#refreshing);
    const leave = async () => {
      if (!this.#isOver) await (this.#storing ?? this.#storeAll());
      this.#isOver = true;
      await this.#consumer.close(true);
    };
    // A broker that does not answer keeps the member until its time is up; nothing depends on that.
    await Promise.race([leave().catch(() => {}), delay(CLOSE_TIMEOUT_MS)]);
    this.#isOver = true;
    await Promise.race([this.#leaders.close().catch(() => {}), delay(DISCONNECT_TIMEOUT_MS)]);
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
      this.#reader.read();
    }
  }

  /** Finds out where to read on. Without a stored offset that is the beginning: nothing is passed over. */
  async #begin(added: number[]): Promise<void> {
    await this.#leaders.lookAgain();
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

  /** Notices what has changed, and how much waits at the broker, while nothing is read. */
  async #refresh(): Promise<void> {
    const before = this.#leaders.partitionsCount;
    try {
      await this.#leaders.lookAgain();
      const now = this.#leaders.partitionsCount;
      if (now !== before) throw new Error(`topic ${this.log.topic} has ${now} partitions now`);
    } catch (error) {
      return this.#lose(error);
    }
    // A leader that does not answer is the reader's matter.
    const ends = await this.#offsets.latest([...this.#partitions.keys()]).catch(() => []);
    for (const [index, end] of ends) {
      const partition = this.#partitions.get(index);
      if (partition) partition.end = end;
    }
  }
}

const REFRESH_MS = 10_000;
const CLOSE_TIMEOUT_MS = 1_500;
const DISCONNECT_TIMEOUT_MS = 500;

/** How long a member that died keeps its partitions, with the classic protocol; the new one's is the broker's matter. */
const SESSION_TIMEOUT_MS = 30_000;
