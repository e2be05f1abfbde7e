/**
 * The one place of a process that reads how far a domain has come. One query at a time serves everything that depends
 * on it: callers that wait for a position, the counts, the age of what is pending, a projection that makes no progress,
 * and a projection that was replaced by a rebuild. It asks once a second, and faster only while a caller waits for a
 * position that another process may project.
 */
import type { Outcome, OutcomeName } from "../contract/domain.ts";
import type { InboxRow } from "../contract/message.ts";
import type { Queryable } from "../database/queryable.ts";
import { countAfter, selectOldestAfter } from "../inbox/inbox-table.ts";
import type { Logger } from "../telemetry/logger.ts";
import { type Checkpoint, selectCheckpoint, selectOutcomes } from "./checkpoints-table.ts";

export type CheckpointWatchOptions = Readonly<{
  database: Queryable;
  domain: string;
  logger: Logger;
  /** Why this process's own projector failed last, if it has not succeeded since. */
  failure?: () => string | undefined;
  /** Called when a rebuild has replaced the projection. */
  onRebuilt?: () => void;
}>;

export type Counts = Readonly<{
  received: bigint;
  projected: bigint;
  duplicate: bigint;
  dead: bigint;
  pending: bigint;
}>;

type Waiter = Readonly<{ position: bigint; resolve: (outcome: OutcomeName) => void }>;

export class CheckpointWatch {
  readonly #options: CheckpointWatchOptions;
  readonly #waiters = new Set<Waiter>();
  #timer: NodeJS.Timeout | undefined;
  /** When the timer fires, on the monotonic clock. */
  #nextLookAtMs = Number.POSITIVE_INFINITY;
  #isStarted = false;
  #looking: Promise<void> | undefined;
  #checkpoint: Checkpoint | undefined;
  #oldest: Readonly<{ position: bigint; receivedAt: Date }> | undefined;
  /** When work was first seen without progress since, on the monotonic clock. */
  #stalledSinceMs: number | undefined;
  #isStallReported = false;
  /** The highest position that is counted in `#received`. */
  #head: bigint | undefined;
  #received = 0n;
  #counting: Promise<Counts> | undefined;

  constructor(options: CheckpointWatchOptions) {
    this.#options = options;
  }

  start(): void {
    this.#isStarted = true;
    this.#schedule(0);
  }

  /** Ends every wait with `pending`. */
  stop(): void {
    this.#isStarted = false;
    clearTimeout(this.#timer);
    for (const waiter of this.#waiters) waiter.resolve("pending");
  }

  /** The projector of this process has committed a batch. */
  advanced(rows: readonly InboxRow[], outcomes: readonly Outcome[]): void {
    if (this.#waiters.size === 0) return;
    const first = rows[0]?.position;
    const last = rows.at(-1)?.position;
    if (first === undefined || last === undefined) return;
    const waited = new Map<bigint, Waiter[]>();
    for (const waiter of this.#waiters) {
      if (waiter.position < first || waiter.position > last) continue;
      waited.set(waiter.position, [...(waited.get(waiter.position) ?? []), waiter]);
    }
    if (waited.size === 0) return;
    for (const [index, { position }] of rows.entries()) {
      for (const waiter of waited.get(position) ?? []) waiter.resolve(outcomes[index]?.kind ?? "pending");
    }
  }

  /** Resolves with the outcome of a position, whichever process projects it; `pending` if the signal aborts first. */
  async settled(position: bigint, signal: AbortSignal): Promise<OutcomeName> {
    const { promise, resolve } = Promise.withResolvers<OutcomeName>();
    const waiter = { position, resolve };
    const giveUp = () => resolve("pending");
    if (signal.aborted || !this.#isStarted) return "pending";
    signal.addEventListener("abort", giveUp, { once: true });
    this.#waiters.add(waiter);
    // A position that is settled already is looked up at once. Any other one is most likely projected by this process,
    // which then says so itself.
    const isSettled = this.#checkpoint !== undefined && position <= this.#checkpoint.position;
    this.#schedule(isSettled ? 0 : WAITING_INTERVAL_MS);
    try {
      return await promise;
    } finally {
      this.#waiters.delete(waiter);
      signal.removeEventListener("abort", giveUp);
    }
  }

  /** Seconds without progress while messages are pending; 0 otherwise. */
  get stalledSeconds(): number {
    return this.#stalledSinceMs === undefined ? 0 : (performance.now() - this.#stalledSinceMs) / 1000;
  }

  /** The next position, if the projection has made no progress for longer than any batch and retry take. */
  get stalledAt(): bigint | undefined {
    return this.stalledSeconds >= STALLED_SECONDS ? this.#oldest?.position : undefined;
  }

  /** Seconds since the oldest pending message was received, by the last look; 0 if none is pending. */
  get oldestPendingSeconds(): number {
    return this.#oldest ? Math.max(0, (Date.now() - this.#oldest.receivedAt.getTime()) / 1000) : 0;
  }

  /**
   * Counts by outcome, at a cost that does not grow with the tables: the checkpoint holds the totals, and received
   * messages are counted on from the last head, which is exact because positions are committed in order.
   */
  counts(): Promise<Counts> {
    this.#counting ??= this.#count().finally(() => {
      this.#counting = undefined;
    });
    return this.#counting;
  }

  /** Looks now. Concurrent callers share one look. Faults of the database are swallowed: they are reported elsewhere. */
  look(): Promise<void> {
    this.#nextLookAtMs = Number.POSITIVE_INFINITY;
    this.#looking ??= this.#look()
      .catch(() => {})
      .finally(() => {
        this.#looking = undefined;
        if (this.#isStarted) this.#schedule(this.#waiters.size > 0 ? WAITING_INTERVAL_MS : INTERVAL_MS);
      });
    return this.#looking;
  }

  #schedule(delayMs: number): void {
    const atMs = performance.now() + delayMs;
    if (this.#looking || atMs >= this.#nextLookAtMs) return;
    clearTimeout(this.#timer);
    this.#nextLookAtMs = atMs;
    this.#timer = setTimeout(() => void this.look(), delayMs);
  }

  async #look(): Promise<void> {
    const { database, domain, onRebuilt } = this.#options;
    const before = this.#checkpoint;
    const checkpoint = await selectCheckpoint(database, domain);
    this.#checkpoint = checkpoint;
    if (before && before.generation !== checkpoint.generation) onRebuilt?.();
    await this.#settle(checkpoint.position);
    this.#oldest = await selectOldestAfter(database, domain, checkpoint.position);
    if (!this.#oldest || before?.position !== checkpoint.position) this.#stalledSinceMs = undefined;
    if (this.#oldest) this.#stalledSinceMs ??= performance.now();
    this.#reportStall();
  }

  /** Answers every caller whose position is below the checkpoint, with one query for all of them. */
  async #settle(checkpoint: bigint): Promise<void> {
    const settled = [...this.#waiters].filter(({ position }) => position <= checkpoint);
    if (settled.length === 0) return;
    const { database, domain } = this.#options;
    const positions = [...new Set(settled.map(({ position }) => position))];
    const outcomes = await selectOutcomes(database, domain, positions);
    for (const { position, resolve } of settled) resolve(outcomes.get(position) ?? "projected");
  }

  async #count(): Promise<Counts> {
    const { database, domain } = this.#options;
    // The checkpoint first: everything below it is in the inbox by then, so pending is never negative.
    const { position, projected, duplicate, dead } = await selectCheckpoint(database, domain);
    const settled = projected + duplicate + dead;
    if (this.#head === undefined) {
      this.#head = position;
      this.#received = settled;
    }
    const { count, head } = await countAfter(database, domain, this.#head);
    this.#head = head;
    this.#received += count;
    return { received: this.#received, projected, duplicate, dead, pending: this.#received - settled };
  }

  #reportStall(): void {
    const { domain, logger, failure } = this.#options;
    const position = this.stalledAt;
    if (position !== undefined && !this.#isStallReported) {
      const seconds = Math.round(this.stalledSeconds);
      const reason = failure?.() ?? "unknown";
      logger.error({ domain, position: String(position), seconds, reason }, "the projection is stalled");
    }
    if (position === undefined && this.#isStallReported)
      logger.info({ domain }, "the projection makes progress");
    this.#isStallReported = position !== undefined;
  }
}

const INTERVAL_MS = 1_000;

/**
 * Only a position that another process projects waits for this; a small part of what an answer may take, and one cheap
 * query at a time however many callers wait.
 */
const WAITING_INTERVAL_MS = 15;

/** A batch takes a tenth of a second, and the longest backoff of a retry is below five. */
const STALLED_SECONDS = 10;
