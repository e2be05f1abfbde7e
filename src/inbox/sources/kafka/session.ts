/**
 * One membership in a consumer group. The library speaks the protocol; the session decides which offsets are read and
 * committed. It commits an offset only after everything below it is in the inbox.
 */
import { setTimeout as delay, setImmediate as nextTurn } from "node:timers/promises";
import { Consumer } from "@platformatic/kafka";
import type { Sink } from "../../../contract/source.ts";
import { kafkaConnection } from "../../../kafka/connection.ts";
import type { Cluster } from "../../../kafka/find-topic.ts";
import { clientIdOfSession, lastClientIdOf } from "./client-id.ts";
import { fetchMetadata, isUnsupported, type KafkaOptions } from "./cluster.ts";
import { Partition } from "./partition.ts";
import { PartitionLog } from "./partition-log.ts";
import { Reader } from "./reader.ts";

export type KafkaSession = Readonly<{
  topicId: string;
  /** Records that are not in the inbox yet. */
  readonly lag: number;
  /** Rejects when the session is lost; resolves after `close`. */
  ended: Promise<void>;
  /** Offsets of offered records are still committed. */
  stop(): void;
  /** Commits offsets and leaves the group. */
  close(): Promise<void>;
}>;

type Protocol = "consumer" | "classic";

/**
 * @param knownTopicId the topic's id in the last session: committed offsets are invalid for a recreated topic.
 * @throws Error if the broker or the topic is unavailable, or the credentials are rejected.
 */
export async function openKafkaSession(
  options: KafkaOptions,
  inbox: Sink,
  knownTopicId: string | undefined,
): Promise<KafkaSession> {
  const cluster = await fetchMetadata(options);
  const { groupProtocol } = options;
  const join = (protocol: Protocol) => joinBy(protocol, options, inbox, cluster, knownTopicId);
  if (groupProtocol !== "auto") return await join(groupProtocol);
  try {
    return await join("consumer");
  } catch (error) {
    if (!isUnsupported(error)) throw error;
    return await join("classic");
  }
}

async function joinBy(
  protocol: Protocol,
  options: KafkaOptions,
  inbox: Sink,
  cluster: Cluster,
  knownTopicId: string | undefined,
): Promise<KafkaSession> {
  const { topic, groupId, clientId } = options;
  const topicId = (cluster.topics.get(topic) as { id: string }).id;
  const ownClientId = clientIdOfSession(clientId);
  const consumer = new Consumer({
    ...kafkaConnection({ ...options, clientId: ownClientId }),
    groupId,
    autocommit: false,
    // A restarted process takes over its predecessor's partitions at once.
    ...(protocol === "consumer"
      ? { groupProtocol: protocol }
      : { groupInstanceId: clientId, sessionTimeout: SESSION_TIMEOUT_MS }),
  });
  const log = new PartitionLog(options, consumer, cluster, { clusterId: cluster.id, topicId, topic });
  const canUseCommittedOffset = knownTopicId === undefined || knownTopicId === topicId;
  const session = new Session(options, inbox, consumer, log, protocol, ownClientId, canUseCommittedOffset);
  try {
    await Promise.race([session.join(), session.ended]);
  } catch (error) {
    await session.close();
    throw error;
  }
  return session;
}

class Session implements KafkaSession {
  readonly #options: KafkaOptions;
  readonly #consumer: Consumer;
  readonly #log: PartitionLog;
  readonly #partitions = new Map<number, Partition>();
  readonly #reader: Reader;
  readonly #protocol: Protocol;
  readonly #ownClientId: string;
  readonly #canUseCommittedOffset: boolean;
  readonly #refreshing: NodeJS.Timeout;
  readonly #ended = Promise.withResolvers<void>();
  #isOver = false;
  #committing: Promise<void> | undefined;
  #assigning: Promise<void> | undefined;
  #hasNewAssignment = false;
  /** The reported client id. */
  #rival: string | undefined;

  constructor(
    options: KafkaOptions,
    inbox: Sink,
    consumer: Consumer,
    log: PartitionLog,
    protocol: Protocol,
    ownClientId: string,
    canUseCommittedOffset: boolean,
  ) {
    this.#options = options;
    this.#consumer = consumer;
    this.#log = log;
    this.#protocol = protocol;
    this.#ownClientId = ownClientId;
    this.#reader = new Reader({
      log,
      inbox,
      partitions: this.#partitions,
      onInInbox: () => this.#commitSoon(),
      resetOffset: (partition) => this.#resetOffset(partition),
      onLost: (cause) => this.#lose(cause),
    });
    this.#canUseCommittedOffset = canUseCommittedOffset;
    this.#refreshing = setInterval(() => void this.#refresh(), REFRESH_MS);
    // A session may be lost before its owner awaits this.
    this.#ended.promise.catch(() => {});
  }

  get topicId(): string {
    return this.#log.identity.topicId;
  }

  get lag(): number {
    let lag = 0;
    for (const partition of this.#partitions.values()) lag += partition.lag;
    return lag;
  }

  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  stop(): void {
    this.#reader.stop();
  }

  async close(): Promise<void> {
    this.stop();
    clearInterval(this.#refreshing);
    const leave = async () => {
      if (!this.#isOver) await (this.#committing ?? this.#commitAll());
      this.#isOver = true;
      await this.#consumer.close(true);
    };
    // If the broker does not answer, the member lingers until its session times out, which is harmless.
    await Promise.race([leave().catch(() => {}), delay(CLOSE_TIMEOUT_MS)]);
    this.#isOver = true;
    await Promise.race([this.#log.close().catch(() => {}), delay(DISCONNECT_TIMEOUT_MS)]);
    this.#ended.resolve();
  }

  async join(): Promise<void> {
    const consumer = this.#consumer;
    consumer.on("error", (error: unknown) => this.#lose(error));
    consumer.on("consumer:heartbeat:error", ({ error }) => this.#lose(error));
    consumer.on("consumer:heartbeat:end", () => void this.#assignSoon());
    consumer.on("consumer:group:join", () => void this.#assignSoon());
    const { topic } = this.#log.identity;
    if (this.#protocol === "consumer") {
      consumer.memberId = this.#options.clientId;
      // With this protocol the library joins only for a stream. The membership stays while the topic is tracked.
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
    this.stop();
    this.#ended.reject(cause);
  }

  /** One change at a time. */
  #assignSoon(): Promise<void> {
    this.#hasNewAssignment = true;
    this.#assigning ??= this.#assign()
      .catch((error: unknown) => this.#lose(error))
      .finally(() => {
        this.#assigning = undefined;
      });
    return this.#assigning;
  }

  async #assign(): Promise<void> {
    while (this.#hasNewAssignment && !this.#isOver) {
      this.#hasNewAssignment = false;
      const { topic } = this.#log.identity;
      const assigned = this.#consumer.assignments?.find((ours) => ours.topic === topic)?.partitions ?? [];
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

  /** Without a committed offset it begins at the earliest one, so that nothing is skipped. */
  async #begin(added: number[]): Promise<void> {
    await this.#log.refreshMetadata();
    const committed = await this.#log.committedOffsets(added);
    const earliest = await this.#log.earliestOffsets(added);
    for (const index of added) {
      const offset = this.#canUseCommittedOffset ? (committed.get(index) ?? -1) : -1;
      const first = earliest.get(index) ?? 0;
      const partition = new Partition(index, Math.max(offset, first), offset);
      if (offset >= 0 && offset < first) await this.#noteGap(partition, offset, first);
      this.#partitions.set(index, partition);
    }
  }

  /** Before anything after the gap is read: the next committed offset would hide it. */
  async #noteGap(partition: Partition, from: number, next: number): Promise<void> {
    const { topic: channel, topicId } = this.#log.identity;
    const series = `partition ${partition.index} of topic ${topicId}`;
    const gap = { source: "kafka", channel, series, from: BigInt(from), to: BigInt(next) - 1n };
    await this.#options.noteGap(gap);
    this.#options.logger.error(
      { source: "kafka", channel, series, from, to: next - 1 },
      "the broker has removed records before they were read: they are lost, and the audit counts them",
    );
  }

  async #resetOffset(partition: Partition): Promise<void> {
    const { index, position } = partition;
    const earliest = (await this.#log.earliestOffsets([index])).get(index) ?? 0;
    if (position < earliest) await this.#noteGap(partition, position, earliest);
    else {
      this.#options.logger.error(
        { source: "kafka", partition: index, position },
        "the broker lost the end of its log; reading everything that it still has again",
      );
    }
    partition.seek(earliest);
  }

  /** One request commits everything that reached the inbox in the same turn. */
  #commitSoon(): void {
    this.#committing ??= this.#commitAll()
      .catch((error: unknown) => this.#lose(error))
      .finally(() => {
        this.#committing = undefined;
      });
  }

  async #commitAll(): Promise<void> {
    await nextTurn();
    while (!this.#isOver) {
      const due = [...this.#partitions.values()].filter(
        ({ safeOffset, committed }) => safeOffset > committed,
      );
      if (due.length === 0) return;
      const offsets = new Map(due.map(({ index, safeOffset }) => [index, safeOffset]));
      await this.#log.commit(offsets);
      for (const partition of due) partition.committed = offsets.get(partition.index) as number;
    }
  }

  async #refresh(): Promise<void> {
    const before = this.#log.partitionsCount;
    try {
      await this.#log.refreshMetadata();
      const now = this.#log.partitionsCount;
      if (now !== before) throw new Error(`topic ${this.#log.identity.topic} has ${now} partitions now`);
    } catch (error) {
      return this.#lose(error);
    }
    // The reader handles silent leaders.
    const ends = await this.#log.latestOffsets([...this.#partitions.keys()]).catch(() => []);
    for (const [index, end] of ends) {
      const partition = this.#partitions.get(index);
      if (partition) partition.end = end;
    }
    // The client may lack permission to describe the group.
    await this.#warnOfRival().catch(() => {});
  }

  async #warnOfRival(): Promise<void> {
    const { clientId, groupId, logger } = this.#options;
    const coordinator = await this.#log.connectToCoordinator();
    const last = await lastClientIdOf(clientId, groupId, this.#protocol, coordinator);
    if (last === undefined || last === this.#ownClientId || last === this.#rival || this.#isOver) return;
    this.#rival = last;
    logger.warn(
      { source: "kafka", channel: this.#log.identity.topic, clientId },
      "another process has the same KAFKA_CLIENT_ID: both read every record; give each process an id of its own",
    );
  }
}

/** How soon a new partition is read. */
const REFRESH_MS = 10_000;
/** Within the grace period of a shutdown. */
const CLOSE_TIMEOUT_MS = 1_500;
const DISCONNECT_TIMEOUT_MS = 500;

/** How long a dead member keeps its partitions. With KIP-848 the broker decides. */
const SESSION_TIMEOUT_MS = 30_000;
