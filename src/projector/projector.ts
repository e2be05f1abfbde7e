/**
 * Keeps one domain's projection up to date: wake-ups enter, committed batches leave. A database fault is retried with a
 * capped backoff and never produces a dead letter, except when one message fails repeatedly while its neighbours
 * succeed.
 */
import { setTimeout as delay } from "node:timers/promises";
import { backoffMilliseconds } from "../database/backoff.ts";
import type { Database } from "../database/database.ts";
import { DatabaseError } from "../database/database-error.ts";
import type { Logger } from "../telemetry/logger.ts";
import { selectCheckpoint } from "./checkpoints-table.ts";
import { Handover } from "./handover.ts";
import {
  BATCH_ROWS_MAX,
  buryNext,
  isolatePoisonMessage,
  type ProjectedBatch,
  type ProjectedDomain,
  type Projecting,
  projectingOf,
  projectNext,
} from "./project.ts";

export type ProjectorOptions = Readonly<{
  database: Database;
  domain: ProjectedDomain;
  onProjected: (batch: ProjectedBatch, seconds: number) => void;
  /** Another process made progress. */
  onProjectedElsewhere?: () => void;
  onFailed?: () => void;
  /** For tracing. */
  around?: (project: () => Promise<ProjectedBatch>) => Promise<ProjectedBatch>;
  logger: Logger;
  /** Milliseconds, by failures in a row. */
  backoff?: (attempt: number) => number;
}>;

export class Projector {
  readonly handover = new Handover();
  readonly #options: ProjectorOptions;
  readonly #live: Projecting;
  readonly #stop = new AbortController();
  #checkpoint = 0n;
  #target = 0n;
  #running: Promise<boolean> | undefined;
  #failure: string | undefined;
  /** In a row. */
  #failures = 0;
  #rowsMax = BATCH_ROWS_MAX;
  /** The next message, if it fails alone. */
  #isolated: { position: bigint; attempts: number; error: unknown } | undefined;

  constructor(options: ProjectorOptions) {
    this.#options = options;
    this.#live = projectingOf(options.domain, { isLive: true });
  }

  /** Undefined after a success. */
  get failure(): string | undefined {
    return this.#failure;
  }

  wake(position: bigint): void {
    this.reach(position).catch(() => {
      // Thrown at shutdown only; the wake-up's job remains.
    });
  }

  /**
   * Resolves once any process projected everything up to and including `position`.
   * @throws if the projector stops first.
   */
  async reach(position: bigint): Promise<void> {
    if (position > this.#target) this.#target = position;
    while (this.#checkpoint < position) {
      if (this.#stop.signal.aborted) throw new Error("the projector is stopping");
      this.#running ??= this.#run();
      const isAtEnd = await this.#running;
      // The position is beyond the inbox's end: the database was restored.
      if (isAtEnd) return;
    }
  }

  /**
   * Checks that the projection up to `position` still exists, and repeats it otherwise: a crash of PostgreSQL can undo
   * commits that do not wait for the disk. The caller's next durable commit makes them durable.
   * @throws if the projector stops first; DatabaseError.
   */
  async confirm(position: bigint): Promise<void> {
    const { database, domain } = this.#options;
    const stored = await selectCheckpoint(database, domain.name);
    if (stored.position >= position) return;
    this.#checkpoint = stored.position;
    await this.reach(position);
  }

  /** Finishes the batch in flight. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  /** @returns true if the inbox ended before the target. */
  async #run(): Promise<boolean> {
    let isAtEnd = false;
    /** In which another process made no progress. */
    let turns = 0;
    while (!isAtEnd && this.#checkpoint < this.#target && !this.#stop.signal.aborted) {
      const started = performance.now();
      try {
        const batch = await this.#projectNext();
        this.#failures = 0;
        this.#failure = undefined;
        this.#isolated = undefined;
        this.#rowsMax = Math.min(BATCH_ROWS_MAX, this.#rowsMax * 2);
        const isAdvanced = batch.after > this.#checkpoint;
        this.#checkpoint = batch.checkpoint;
        if (isAdvanced) this.#options.onProjectedElsewhere?.();
        if (batch.isTaken) {
          turns = isAdvanced ? 0 : turns + 1;
          await this.#waitForTurn(turns);
          continue;
        }
        turns = 0;
        isAtEnd = batch.rows.length === 0;
        if (isAtEnd) this.#target = batch.checkpoint;
        else this.#options.onProjected(batch, (performance.now() - started) / 1000);
      } catch (error) {
        await this.#fail(error);
      }
    }
    this.#running = undefined;
    return isAtEnd;
  }

  #projectNext(): Promise<ProjectedBatch> {
    const { database, around = (project) => project() } = this.#options;
    if (this.#isolated && this.#isolated.attempts >= ISOLATED_ATTEMPTS_MAX) {
      const { position, error } = this.#isolated;
      return around(() => buryNext(database, this.#live, position, error));
    }
    return around(() => projectNext(database, this.#live, this.handover, this.#rowsMax, "skip"));
  }

  /** Waiting for the lock would hold a connection, and would delay answers about what was projected meanwhile. */
  async #waitForTurn(turns: number): Promise<void> {
    if (this.#checkpoint >= this.#target) return;
    const milliseconds = Math.min(TURN_MS * 2 ** turns, TURN_MS_MAX);
    await delay(milliseconds, undefined, { signal: this.#stop.signal }).catch(() => {});
  }

  /**
   * Halves batches while a fault lasts, until a message stands alone. If its neighbours succeed, the message is at
   * fault; if they fail too, so is the environment, and everything waits.
   */
  async #fail(error: unknown): Promise<void> {
    const { domain, logger, backoff = backoffMilliseconds } = this.#options;
    this.#failures += 1;
    this.#options.onFailed?.();
    this.#failure = error instanceof Error ? error.message : String(error);
    if (this.#failures >= HALVE_BATCH_AFTER_FAILURES) this.#rowsMax = Math.max(1, this.#rowsMax >> 1);
    const alone = await this.#positionAlone(error);
    const attempts =
      alone !== undefined && alone === this.#isolated?.position ? this.#isolated.attempts + 1 : 1;
    this.#isolated = alone === undefined ? undefined : { position: alone, attempts, error };
    logger.warn(
      {
        domain: domain.name,
        after: String(this.#checkpoint),
        failures: this.#failures,
        messages: this.#rowsMax,
        error: this.#failure,
      },
      alone !== undefined
        ? "a message cannot be projected although its neighbours can; after some attempts it becomes a dead letter"
        : "a batch could not be projected; nothing was changed; retrying",
    );
    const signal = this.#stop.signal;
    const attempt = this.#rowsMax > 1 && this.#failures > HALVE_BATCH_AFTER_FAILURES ? 0 : this.#failures - 1;
    await delay(backoff(attempt), undefined, { signal }).catch(() => {});
  }

  async #positionAlone(error: unknown): Promise<bigint | undefined> {
    if (this.#rowsMax > 1 || !canBeOfOneMessage(error)) return undefined;
    const { database, domain } = this.#options;
    const trial = projectingOf(domain, { isLive: false });
    return isolatePoisonMessage(database, trial).catch(() => undefined);
  }
}

/** Environment faults can hit any message. */
function canBeOfOneMessage(error: unknown): boolean {
  if (!(error instanceof DatabaseError) || error.sqlState === undefined) return false;
  return error.sqlState === STATEMENT_TIMEOUT || !ENVIRONMENT_FAULT_CLASSES.has(error.sqlState.slice(0, 2));
}

/** If one message alone causes a timeout, the message may be the reason. */
const STATEMENT_TIMEOUT = "57014";

/**
 * SQLSTATE classes: connection (08), transaction state (25, 40), resources (53), locks (55), operator intervention
 * (57), system (58). Source: PostgreSQL manual, appendix A, "PostgreSQL Error Codes".
 */
const ENVIRONMENT_FAULT_CLASSES = new Set(["08", "25", "40", "53", "55", "57", "58"]);

/** Fewer are a restart or a lost connection. */
const HALVE_BATCH_AFTER_FAILURES = 5;

/** A fraction of a small batch's time. */
const TURN_MS = 4;
const TURN_MS_MAX = 64;

/** With succeeding neighbours each time. */
const ISOLATED_ATTEMPTS_MAX = 5;
