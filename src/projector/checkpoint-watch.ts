/**
 * Reads how far a domain is projected, for everything in the process that depends on it: callers that wait for a
 * position, counts, lag, stalls and rebuilds. One query runs at a time, once a second, or more often while a caller
 * waits for a position that another process may project.
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
  /** Why this process's projector failed last; undefined after a success. */
  failure?: () => string | undefined;
  /** Called after a rebuild replaced the projection. */
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
  /** On the monotonic clock. */
  #nextLookAtMs = Number.POSITIVE_INFINITY;
  #isStarted = false;
  #looking: Promise<void> | undefined;
  #checkpoint: Checkpoint | undefined;
  #oldest: Readonly<{ position: bigint; receivedAt: Date }> | undefined;
  /** When pending work was first seen without progress, on the monotonic clock. */
  #stalledSinceMs: number | undefined;
  #isStallReported = false;
  /** The highest position counted in `#received`. */
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

  /** Resolves every wait with `pending`. */
  stop(): void {
    this.#isStarted = false;
    clearTimeout(this.#timer);
    for (const waiter of this.#waiters) waiter.resolve("pending");
  }

  /** Called after this process's projector committed a batch. */
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

  /** Resolves with the outcome of a position once any process projected it; `pending` if the signal aborts first. */
  async settled(position: bigint, signal: AbortSignal): Promise<OutcomeName> {
    const { promise, resolve } = Promise.withResolvers<OutcomeName>();
    const waiter = { position, resolve };
    const giveUp = () => resolve("pending");
    if (signal.aborted || !this.#isStarted) return "pending";
    signal.addEventListener("abort", giveUp, { once: true });
    this.#waiters.add(waiter);
    // A position below the checkpoint is looked up at once. This process most likely projects any other one, and then
    // calls `advanced`.
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

  /** The next position, if the projection is stalled. */
  get stalledAt(): bigint | undefined {
    return this.stalledSeconds >= STALLED_SECONDS ? this.#oldest?.position : undefined;
  }

  /** Seconds since the oldest pending message was received; 0 if none is pending. */
  get oldestPendingSeconds(): number {
    return this.#oldest ? Math.max(0, (Date.now() - this.#oldest.receivedAt.getTime()) / 1000) : 0;
  }

  /**
   * Counts by outcome, at constant cost: the checkpoint holds totals, and received messages are counted from the last
   * head, which is exact because positions are committed in order.
   */
  counts(): Promise<Counts> {
    this.#counting ??= this.#count().finally(() => {
      this.#counting = undefined;
    });
    return this.#counting;
  }

  /** Looks now; concurrent callers share one look. Database faults are ignored, because others report them. */
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

  /** Answers the callers whose position is below the checkpoint, with one query. */
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
    // Read first: everything below the checkpoint is then in the inbox, so pending is never negative.
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
 * A small part of an answer's time, and one cheap query for all callers. Affects only positions that another process
 * projects.
 */
const WAITING_INTERVAL_MS = 15;

/** A batch takes a tenth of a second, and the longest backoff is below five. */
const STALLED_SECONDS = 10;
