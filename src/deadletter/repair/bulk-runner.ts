/**
 * Runs bulk work: a job enters, and a worker takes steps until the work ends. Jobs are enqueued when work begins, when it
 * has run for long, and at start-up for unfinished work. If a process dies, pg-boss retries the job in another. Two
 * workers on the same work take turns; no step runs twice.
 */
import type { Database } from "../../database/database.ts";
import { type Jobs, POLL_SECONDS, QUEUE_OPTIONS, type QueueDefinition } from "../../database/jobs.ts";
import type { Queryable } from "../../database/queryable.ts";
import type { Logger } from "../../telemetry/logger.ts";

export type BulkStep =
  | Readonly<{ kind: "ended" }>
  | Readonly<{ kind: "ready" }>
  /** The next step needs the outcomes up to this position. */
  | Readonly<{ kind: "waiting"; domain: string; upTo: bigint }>;

export type BulkRunnerOptions = Readonly<{
  queue: QueueDefinition;
  database: Database;
  jobs: Jobs;
  logger: Logger;
  selectRunning: (database: Queryable) => Promise<readonly bigint[]>;
  step: (id: bigint) => Promise<BulkStep>;
  settled: (domain: string, position: bigint, signal: AbortSignal) => Promise<unknown>;
}>;

export class BulkRunner {
  readonly #options: BulkRunnerOptions;
  readonly #stop = new AbortController();

  constructor(options: BulkRunnerOptions) {
    this.#options = options;
  }

  /** Also enqueues unfinished work of earlier processes. */
  async start(): Promise<void> {
    const { database, jobs, queue, selectRunning } = this.#options;
    for (const id of await selectRunning(database)) await enqueueBulk(jobs, database, queue, id);
    await jobs.work<{ id: string }>(
      queue.name,
      { batchSize: 1, pollingIntervalSeconds: POLL_SECONDS },
      async ([job]) => this.#run(BigInt(job?.id ?? 0)),
    );
  }

  /** Completes the step in flight. */
  stop(): void {
    this.#stop.abort();
  }

  async #run(id: bigint): Promise<void> {
    const { database, jobs, queue, logger, settled } = this.#options;
    const deadline = AbortSignal.timeout(RUN_MS_MAX);
    for (;;) {
      const step = await this.#options.step(id).catch((error: unknown) => {
        logger.warn(
          { err: error, queue: queue.name, id: String(id) },
          "a step of bulk work failed; retrying",
        );
        throw error;
      });
      if (step.kind === "ended") return;
      this.#stop.signal.throwIfAborted();
      if (deadline.aborted) return enqueueBulk(jobs, database, queue, id);
      if (step.kind === "ready") continue;
      await settled(step.domain, step.upTo, AbortSignal.any([this.#stop.signal, deadline]));
    }
  }
}

/** In the caller's transaction. */
export function enqueueBulk(
  jobs: Jobs,
  transaction: Queryable,
  queue: QueueDefinition,
  id: bigint,
): Promise<void> {
  return jobs.send(transaction, queue.name, { id: String(id) });
}

export const BULK_REDRIVE_QUEUE: QueueDefinition = { name: "bulk-redrive", options: QUEUE_OPTIONS };
export const BULK_DECISION_QUEUE: QueueDefinition = { name: "bulk-decision", options: QUEUE_OPTIONS };

/** Well below pg-boss's job expiry. */
const RUN_MS_MAX = 30_000;
