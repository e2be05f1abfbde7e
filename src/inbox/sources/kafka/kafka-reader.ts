/**
 * Reads the partitions that are assigned: every broker that leads some of them has one request under way, and what it
 * brings is offered to the inbox in its order. Where something finds no room, nothing more is asked for. A broker that
 * says that others lead, or says nothing, costs nothing but a look at who leads now.
 *
 * Records are asked for through the library's protocol layer and not through its streams, for three reasons. A stream
 * asks for a topic by its name, so the records of a topic that was made again would be taken for a continuation of the
 * old one; here the topic's id is part of every request. A stream tells aborted transactions from committed ones only
 * where both ends of them came in one response. And what waits for room is counted there in messages, here in bytes.
 */
import { setTimeout as delay } from "node:timers/promises";
import { protocolErrors, protocolErrorsCodesById } from "@platformatic/kafka";
import type { Sink } from "../../../contract/source.ts";
import type { KafkaLog } from "./kafka-cluster.ts";
import type { FetchedPartition, FetchResponse, KafkaLeaders } from "./kafka-leaders.ts";
import type { KafkaPartition } from "./kafka-partition.ts";
import { readFetched } from "./kafka-records.ts";

type Reading = Readonly<{
  log: KafkaLog;
  /** Those that are assigned now, by their index. */
  partitions: ReadonlyMap<number, KafkaPartition>;
  leaders: KafkaLeaders;
  inbox: Sink;
  /** Something that was offered is in the inbox. */
  onCommitted: () => void;
  /** Finds out where a partition is read on, of which the broker does not have what comes next. */
  readElsewhere: (partition: KafkaPartition) => Promise<void>;
  onLost: (cause: unknown) => void;
}>;

export class KafkaReader {
  readonly #reading: Reading;
  /** The brokers with a request under way. */
  readonly #asked = new Set<number>();
  /** The brokers that gave no answer last time, and since when, in milliseconds since the Unix epoch. */
  readonly #silentSince = new Map<number, number>();
  #isStopped = false;
  #retry: NodeJS.Timeout | undefined;

  constructor(reading: Reading) {
    this.#reading = reading;
  }

  /** Offers what was read; where all of it found room, asks every broker that leads a partition for more. */
  read(): void {
    if (this.#isStopped) return;
    const { inbox, leaders, onCommitted } = this.#reading;
    const partitions = [...this.#reading.partitions.values()];
    for (const partition of partitions) partition.offer(inbox, onCommitted);
    if (partitions.some(({ isWaiting }) => isWaiting)) {
      this.#readLater(ROOM_POLL_MS);
      return;
    }
    const wanted = new Map<number, KafkaPartition[]>();
    for (const partition of partitions) {
      const leader = leaders.of(partition.index);
      if (leader === undefined) this.#readLater(LEADER_POLL_MS);
      else wanted.set(leader, [...(wanted.get(leader) ?? []), partition]);
    }
    // Of those that lead nothing any more, nobody waits for an answer.
    for (const leader of this.#silentSince.keys()) if (!wanted.has(leader)) this.#silentSince.delete(leader);
    for (const [leader, led] of wanted) if (!this.#asked.has(leader)) void this.#ask(leader, led);
  }

  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#retry);
  }

  #readLater(milliseconds: number): void {
    this.#retry ??= setTimeout(() => {
      this.#retry = undefined;
      this.read();
    }, milliseconds);
  }

  async #ask(leader: number, partitions: readonly KafkaPartition[]): Promise<void> {
    const { leaders, onLost } = this.#reading;
    this.#asked.add(leader);
    try {
      const isAnswered = await this.#takeFrom(leader, partitions);
      if (!isAnswered && !this.#isStopped) {
        await delay(LEADER_POLL_MS);
        await leaders.lookAgain();
      }
    } catch (error) {
      onLost(error);
    } finally {
      this.#asked.delete(leader);
    }
    this.read();
  }

  /** @returns false where somebody else has to be asked, for some of the partitions at least. */
  async #takeFrom(leader: number, partitions: readonly KafkaPartition[]): Promise<boolean> {
    const places = partitions.map(({ index, position }) => ({ index, position }));
    let response: FetchResponse;
    try {
      response = await this.#reading.leaders.fetch(leader, places);
    } catch (error) {
      // Where it has died, others lead soon. Where it has not, and the cluster goes on naming it, that is said.
      const since = this.#silentSince.get(leader) ?? Date.now();
      this.#silentSince.set(leader, since);
      if (Date.now() - since > SILENCE_MS_MAX) throw error;
      return false;
    }
    this.#silentSince.delete(leader);
    const answers = response.responses.flatMap((topic) => topic.partitions);
    for (const answered of answers) {
      const partition = this.#reading.partitions.get(answered.partitionIndex);
      const place = places.find(({ index }) => index === answered.partitionIndex);
      // What was taken away meanwhile is read by its new owner; what moved on was answered by its new leader.
      if (this.#isStopped || !partition || partition.position !== place?.position) continue;
      await this.#take(partition, answered);
    }
    return !answers.some(({ errorCode }) => isOfLeader(errorCode));
  }

  async #take(partition: KafkaPartition, answered: FetchedPartition): Promise<void> {
    const { log, readElsewhere } = this.#reading;
    const error = protocolErrorsCodesById[answered.errorCode];
    if (answered.errorCode === 0) {
      partition.end = Number(answered.lastStableOffset);
      const { fetched, position } = readFetched(log, answered, partition.position);
      partition.take(fetched, position);
    } else if (error === "OFFSET_OUT_OF_RANGE") {
      await readElsewhere(partition);
    } else if (!isOfLeader(answered.errorCode)) {
      const { message } = protocolErrors[error ?? ""] ?? { message: `error ${answered.errorCode}` };
      throw new Error(`partition ${partition.index}: ${message}`);
    }
  }
}

/** Whether only somebody else can answer, or nobody yet. */
function isOfLeader(errorCode: number): boolean {
  return LEADER_ERRORS.has(protocolErrorsCodesById[errorCode] ?? "");
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
/** Longer than a cluster needs to notice that a broker has died (`broker.session.timeout.ms`, 9 s) and to choose others. */
const SILENCE_MS_MAX = 30_000;
