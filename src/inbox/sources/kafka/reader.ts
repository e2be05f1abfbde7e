/**
 * Reads the assigned partitions: each leader has one fetch in flight, and its records are offered to the inbox in
 * order. While a record waits for room, nothing more is fetched. If a broker is not the leader or does not answer,
 * metadata is refreshed and nothing else happens.
 *
 * Three reasons not to use the library's streams: they name topics, not topic ids, so the records of a recreated topic
 * look like a continuation; they detect an aborted transaction only if both its ends are in one response; and they
 * limit waiting messages by count, not by bytes.
 */
import { setTimeout as delay } from "node:timers/promises";
import { protocolErrors, protocolErrorsCodesById } from "@platformatic/kafka";
import type { Sink } from "../../../contract/source.ts";
import type { Partition } from "./partition.ts";
import type { FetchedPartition, FetchResponse, PartitionLog } from "./partition-log.ts";
import { readFetched } from "./records.ts";

type ReaderOptions = Readonly<{
  log: PartitionLog;
  partitions: ReadonlyMap<number, Partition>;
  inbox: Sink;
  onInInbox: () => void;
  resetOffset: (partition: Partition) => Promise<void>;
  onLost: (cause: unknown) => void;
}>;

export class Reader {
  readonly #options: ReaderOptions;
  /** Brokers with a fetch in flight. */
  readonly #fetching = new Set<number>();
  /** When the fetches of a broker began to fail, in milliseconds since the Unix epoch. */
  readonly #silentSince = new Map<number, number>();
  #isStopped = false;
  #retry: NodeJS.Timeout | undefined;

  constructor(options: ReaderOptions) {
    this.#options = options;
  }

  /** Fetches only if all fetched records found room. */
  read(): void {
    if (this.#isStopped) return;
    const { inbox, log, onInInbox } = this.#options;
    const partitions = [...this.#options.partitions.values()];
    for (const partition of partitions) partition.offer(inbox, onInInbox);
    if (partitions.some(({ isWaiting }) => isWaiting)) {
      this.#readLater(ROOM_POLL_MS);
      return;
    }
    const wanted = new Map<number, Partition[]>();
    for (const partition of partitions) {
      const leader = log.leaderOf(partition.index);
      if (leader === undefined) this.#readLater(LEADER_POLL_MS);
      else wanted.set(leader, [...(wanted.get(leader) ?? []), partition]);
    }
    // Forget silent brokers that no longer lead any partition.
    for (const leader of this.#silentSince.keys()) if (!wanted.has(leader)) this.#silentSince.delete(leader);
    for (const [leader, led] of wanted) if (!this.#fetching.has(leader)) void this.#fetch(leader, led);
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

  async #fetch(leader: number, partitions: readonly Partition[]): Promise<void> {
    const { log, onLost } = this.#options;
    this.#fetching.add(leader);
    try {
      const isLeader = await this.#takeFrom(leader, partitions);
      if (!isLeader && !this.#isStopped) {
        await delay(LEADER_POLL_MS);
        await log.refreshMetadata();
      }
    } catch (error) {
      onLost(error);
    } finally {
      this.#fetching.delete(leader);
    }
    this.read();
  }

  /** @returns false if another broker leads one of the partitions. */
  async #takeFrom(leader: number, partitions: readonly Partition[]): Promise<boolean> {
    const positions = partitions.map(({ index, position }) => ({ index, position }));
    let response: FetchResponse;
    try {
      response = await this.#options.log.fetch(leader, positions);
    } catch (error) {
      // If the broker died, others lead soon; if the cluster keeps naming it, the session ends.
      const since = this.#silentSince.get(leader) ?? Date.now();
      this.#silentSince.set(leader, since);
      if (Date.now() - since > SILENCE_MS_MAX) throw error;
      return false;
    }
    this.#silentSince.delete(leader);
    const answers = response.responses.flatMap((topic) => topic.partitions);
    for (const answer of answers) {
      const partition = this.#options.partitions.get(answer.partitionIndex);
      const asked = positions.find(({ index }) => index === answer.partitionIndex);
      // Revoked meanwhile, or answered by a new leader.
      if (this.#isStopped || !partition || partition.position !== asked?.position) continue;
      await this.#take(partition, answer);
    }
    return !answers.some(({ errorCode }) => isLeadershipError(errorCode));
  }

  async #take(partition: Partition, answer: FetchedPartition): Promise<void> {
    const { log, resetOffset } = this.#options;
    const error = protocolErrorsCodesById[answer.errorCode];
    if (answer.errorCode === 0) {
      partition.end = Number(answer.lastStableOffset);
      const { fetched, position } = readFetched(log.identity, answer, partition.position);
      partition.take(fetched, position);
    } else if (error === "OFFSET_OUT_OF_RANGE") {
      await resetOffset(partition);
    } else if (!isLeadershipError(answer.errorCode)) {
      const { message } = protocolErrors[error ?? ""] ?? { message: `error ${answer.errorCode}` };
      throw new Error(`partition ${partition.index}: ${message}`);
    }
  }
}

function isLeadershipError(errorCode: number): boolean {
  return LEADERSHIP_ERRORS.has(protocolErrorsCodesById[errorCode] ?? "");
}

const LEADERSHIP_ERRORS = new Set([
  "LEADER_NOT_AVAILABLE",
  "NOT_LEADER_OR_FOLLOWER",
  "FENCED_LEADER_EPOCH",
  "UNKNOWN_LEADER_EPOCH",
  "OFFSET_NOT_AVAILABLE",
]);

/** Empties a hundredth of a full inbox. */
const ROOM_POLL_MS = 20;
/** An election takes longer, and each poll is one small request. */
const LEADER_POLL_MS = 200;
/** Longer than a cluster needs to detect a dead broker (`broker.session.timeout.ms`, 9 s) and to elect leaders. */
const SILENCE_MS_MAX = 30_000;
