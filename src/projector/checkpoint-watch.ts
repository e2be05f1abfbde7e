/**
 * Watches how far a domain is projected, for callers that wait for a position, counts, lag, stalls and rebuilds. One
 * query runs at a time, once a second, or more often while a caller waits for another process.
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
  /** Why this process's projector failed last. */
  failure?: () => string | undefined;
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
  /** When pending work was first seen without progress. */
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

  /** Waiting callers get `pending`. */
  stop(): void {
    this.#isStarted = false;
    clearTimeout(this.#timer);
    for (const waiter of this.#waiters) waiter.resolve("pending");
  }

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

  /** @returns `pending` if the signal aborts first. */
  async settled(position: bigint, signal: AbortSignal): Promise<OutcomeName> {
    const { promise, resolve } = Promise.withResolvers<OutcomeName>();
    const waiter = { position, resolve };
    const giveUp = () => resolve("pending");
    if (signal.aborted || !this.#isStarted) return "pending";
    signal.addEventListener("abort", giveUp, { once: true });
    this.#waiters.add(waiter);
    // Any position above the checkpoint is most likely projected by this process, which then calls `advanced`.
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

  /** Set if the projection is stalled. */
  get stalledAt(): bigint | undefined {
    return this.stalledSeconds >= STALLED_SECONDS ? this.#oldest?.position : undefined;
  }

  /** 0 if no message is pending. */
  get oldestPendingSeconds(): number {
    return this.#oldest ? Math.max(0, (Date.now() - this.#oldest.receivedAt.getTime()) / 1000) : 0;
  }

  /**
   * At constant cost: the checkpoint holds totals, and received messages are counted from the last head, which is exact
   * because positions are committed in order.
   */
  counts(): Promise<Counts> {
    this.#counting ??= this.#count().finally(() => {
      this.#counting = undefined;
    });
    return this.#counting;
  }

  /** Concurrent callers share one look. Others report database faults. */
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
    // Read first, so pending is never negative.
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

/** A small part of an answer's time, and one cheap query for all callers. */
const WAITING_INTERVAL_MS = 15;

/** A batch takes a tenth of a second, the longest backoff five. */
const STALLED_SECONDS = 10;
