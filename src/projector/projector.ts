/**
 * Keeps one domain's projection up with its inbox. Wake-ups enter; committed batches leave to whoever listens. A
 * fault of the database is tried again for as long as it takes, with a capped backoff, and never makes a dead
 * letter, unless it strikes one message alone, again and again, while those around it pass.
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
  /** Told of each batch that could not be projected. */
  onFailed?: () => void;
  /** Does the work of one batch and gives its result; the place to look at it from outside. */
  around?: (project: () => Promise<ProjectedBatch>) => Promise<ProjectedBatch>;
  logger: Logger;
  /** How long to wait after so many failures in a row, in milliseconds. */
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
  /** How many messages the next batch may have. */
  #rowsMax = BATCH_ROWS_MAX;
  /** How often the next message has failed alone. */
  #isolated: { position: bigint; attempts: number; error: unknown } | undefined;

  constructor(options: ProjectorOptions) {
    this.#options = options;
    this.#live = projectingOf(options.domain, { isLive: true });
  }

  /** Why the last batch failed, while no later one has succeeded. */
  get failure(): string | undefined {
    return this.#failure;
  }

  /** Processes everything up to and including `position` as soon as possible. */
  wake(position: bigint): void {
    this.reach(position).catch(() => {
      // Only a projector that is stopping gives up; the job that stands for this wake-up is still there.
    });
  }

  /**
   * Resolves once everything up to and including `position` has been processed, by this process or another.
   * @throws where the projector is stopped before.
   */
  async reach(position: bigint): Promise<void> {
    if (position > this.#target) this.#target = position;
    while (this.#checkpoint < position) {
      if (this.#stop.signal.aborted) throw new Error("the projector is stopping");
      this.#running ??= this.#run();
      const isAtEnd = await this.#running;
      // A wake-up beyond the end of the inbox can only come from a database that was set back: let it go.
      if (isAtEnd) return;
    }
  }

  /**
   * Makes sure that what was reached is still there. A projection's commit does not wait for the disk, so a crash of the
   * database can take back what this process has seen committed; then it is projected again. Whoever commits after this,
   * as the one who is done with a job does, brings everything before to the disk.
   * @throws where the projector is stopped before; DatabaseError.
   */
  async confirm(position: bigint): Promise<void> {
    const { database, domain } = this.#options;
    const stored = await selectCheckpoint(database, domain.name);
    if (stored.position >= position) return;
    this.#checkpoint = stored.position;
    await this.reach(position);
  }

  /** Finishes the batch in flight and begins no other. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  /** Gives true where the inbox ended before the target. */
  async #run(): Promise<boolean> {
    let isAtEnd = false;
    while (!isAtEnd && this.#checkpoint < this.#target && !this.#stop.signal.aborted) {
      const started = performance.now();
      try {
        const batch = await this.#projectNext();
        this.#failures = 0;
        this.#failure = undefined;
        this.#isolated = undefined;
        this.#rowsMax = Math.min(BATCH_ROWS_MAX, this.#rowsMax * 2);
        this.#checkpoint = batch.checkpoint;
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

  /** The next batch; where one message alone has failed often enough, its burial. */
  #projectNext(): Promise<ProjectedBatch> {
    const { database, around = (project) => project() } = this.#options;
    if (this.#isolated && this.#isolated.attempts >= ISOLATED_ATTEMPTS_MAX) {
      const { position, error } = this.#isolated;
      return around(() => buryNext(database, this.#live, position, error));
    }
    return around(() => projectNext(database, this.#live, this.handover, this.#rowsMax));
  }

  /**
   * A fault that lasts is narrowed down: batches become smaller until a message stands alone. Where that one fails
   * while its neighbours pass, the surroundings are well and it is the message; where they fail too, all wait.
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
        ? "a message cannot be projected though those around it can; after some attempts it is buried"
        : "a batch could not be projected; nothing was changed; it is tried again",
    );
    const signal = this.#stop.signal;
    // While a message is being found it need not be waited for long.
    const attempt = this.#rowsMax > 1 && this.#failures > HALVE_BATCH_AFTER_FAILURES ? 0 : this.#failures - 1;
    await delay(backoff(attempt), undefined, { signal }).catch(() => {});
  }

  /** The position of a message that stands alone now and whose neighbours are well. */
  async #positionAlone(error: unknown): Promise<bigint | undefined> {
    if (this.#rowsMax > 1 || !canBeOfOneMessage(error)) return undefined;
    const { database, domain } = this.#options;
    const trial = projectingOf(domain, { isLive: false });
    return isolatePoisonMessage(database, trial).catch(() => undefined);
  }
}

/** Lost connections, restarts, full disks and the like strike whoever comes by; they say nothing of a message. */
function canBeOfOneMessage(error: unknown): boolean {
  if (!(error instanceof DatabaseError) || error.sqlState === undefined) return false;
  return error.sqlState === STATEMENT_TIMEOUT || !ENVIRONMENT_FAULT_CLASSES.has(error.sqlState.slice(0, 2));
}

/** A statement took longer than any does; of one message alone it can be what that message makes the database do. */
const STATEMENT_TIMEOUT = "57014";

/**
 * Classes of SQLSTATE that are about the connection (08), the state of transactions (25, 40), resources (53), locks
 * (55), an operator's intervention (57) and the system (58).
 * Source: PostgreSQL manual, appendix A, "PostgreSQL Error Codes".
 */
const ENVIRONMENT_FAULT_CLASSES = new Set(["08", "25", "40", "53", "55", "57", "58"]);

/** So many failures in a row are bad luck, a restart or a lost connection. */
const HALVE_BATCH_AFTER_FAILURES = 5;

/** So often must a message fail alone, with its neighbours passing each time, before it is buried for a fault. */
const ISOLATED_ATTEMPTS_MAX = 5;
