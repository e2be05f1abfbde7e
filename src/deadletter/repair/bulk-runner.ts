/**
 * Runs bulk redrives: a job enters, and a worker takes steps until the redrive ends. Jobs are enqueued when a redrive
 * starts, when it has run for long, and at start-up for unfinished ones. If a process dies, pg-boss retries the job in
 * another. Two workers on one redrive take turns; no step runs twice.
 */
import { type Jobs, POLL_SECONDS, QUEUE_OPTIONS, type QueueDefinition } from "../../database/jobs.ts";
import type { Queryable } from "../../database/queryable.ts";
import type { Logger } from "../../telemetry/logger.ts";
import { type BulkContext, type Step, stepBulkRedrive } from "./bulk-redrive.ts";
import { selectRunningBulkRedrives } from "./bulk-redrives-table.ts";

export type BulkRunnerOptions = Readonly<{
  context: BulkContext;
  jobs: Jobs;
  logger: Logger;
  settled: (domain: string, position: bigint, signal: AbortSignal) => Promise<unknown>;
}>;

export class BulkRunner {
  readonly #options: BulkRunnerOptions;
  readonly #stop = new AbortController();

  constructor(options: BulkRunnerOptions) {
    this.#options = options;
  }

  /** Also enqueues unfinished redrives of earlier processes. */
  async start(): Promise<void> {
    const { context, jobs } = this.#options;
    for (const id of await selectRunningBulkRedrives(context.database)) {
      await enqueueBulkRedrive(jobs, context.database, id);
    }
    await jobs.work<{ id: string }>(
      BULK_REDRIVE_QUEUE.name,
      { batchSize: 1, pollingIntervalSeconds: POLL_SECONDS },
      async ([job]) => this.#run(BigInt(job?.id ?? 0)),
    );
  }

  /** Completes the step in flight. */
  stop(): void {
    this.#stop.abort();
  }

  async #run(id: bigint): Promise<void> {
    const { context, jobs, settled, logger } = this.#options;
    const deadline = AbortSignal.timeout(RUN_MS_MAX);
    for (;;) {
      const step: Step = await stepBulkRedrive(context, id).catch((error: unknown) => {
        logger.warn({ err: error, bulkRedrive: String(id) }, "bulk redrive step failed; retrying");
        throw error;
      });
      if (step.kind === "ended") return;
      this.#stop.signal.throwIfAborted();
      if (deadline.aborted) return enqueueBulkRedrive(jobs, context.database, id);
      await settled(step.domain, step.upTo, AbortSignal.any([this.#stop.signal, deadline]));
    }
  }
}

/** In the caller's transaction. */
export function enqueueBulkRedrive(jobs: Jobs, transaction: Queryable, id: bigint): Promise<void> {
  return jobs.send(transaction, BULK_REDRIVE_QUEUE.name, { id: String(id) });
}

export const BULK_REDRIVE_QUEUE: QueueDefinition = { name: "bulk-redrive", options: QUEUE_OPTIONS };

/** Well below pg-boss's job expiry. */
const RUN_MS_MAX = 30_000;
