/**
 * Keeps one domain's projection up with its inbox. Wake-ups enter; committed batches leave to whoever listens. A
 * fault of the database is tried again for as long as it takes, with a capped backoff, and never makes a dead
 * letter.
 */
import { setTimeout as delay } from "node:timers/promises";
import type pg from "pg";
import { backoffMilliseconds } from "../database/backoff.ts";
import type { Logger } from "../telemetry/logger.ts";
import type { Domain } from "./domain.ts";
import { Handover } from "./handover.ts";
import { type ProjectedBatch, projectNext } from "./project.ts";

export type ProjectorOptions = Readonly<{
  pool: pg.Pool;
  domain: Domain;
  onProjected: (batch: ProjectedBatch, seconds: number) => void;
  logger: Logger;
}>;

export class Projector {
  readonly handover = new Handover();
  readonly #options: ProjectorOptions;
  readonly #stop = new AbortController();
  #checkpoint = 0n;
  #target = 0n;
  #running: Promise<boolean> | undefined;
  #failure: string | undefined;

  constructor(options: ProjectorOptions) {
    this.#options = options;
  }

  /** The last position that this process knows to be processed. */
  get checkpoint(): bigint {
    return this.#checkpoint;
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

  /** Finishes the batch in flight and begins no other. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  /** Gives true where the inbox ended before the target. */
  async #run(): Promise<boolean> {
    let isAtEnd = false;
    for (let attempt = 0; !isAtEnd && this.#checkpoint < this.#target && !this.#stop.signal.aborted; ) {
      const started = performance.now();
      try {
        const batch = await projectNext(this.#options.pool, this.#options.domain, this.handover);
        attempt = 0;
        this.#failure = undefined;
        this.#checkpoint = batch.checkpoint;
        isAtEnd = batch.rows.length === 0;
        if (isAtEnd) this.#target = batch.checkpoint;
        else this.#options.onProjected(batch, (performance.now() - started) / 1000);
      } catch (error) {
        this.#failure = error instanceof Error ? error.message : String(error);
        const context = { domain: this.#options.domain.name, attempt, error: this.#failure };
        this.#options.logger.warn(
          context,
          "a batch could not be projected; nothing was changed; it is tried again",
        );
        const signal = this.#stop.signal;
        await delay(backoffMilliseconds(attempt++), undefined, { signal }).catch(() => {});
      }
    }
    this.#running = undefined;
    return isAtEnd;
  }
}
