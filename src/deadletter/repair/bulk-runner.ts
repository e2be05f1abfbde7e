/**
 * Carries bulk redrives out: a job says that one is to go on, and a worker takes its steps until it ends. Jobs are
 * enqueued when one begins, when one has run for long, and at start-up for all that are not ended; where the process
 * of a job died, pg-boss gives it to another. Two workers on one bulk redrive take turns and do no step twice.
 */
import { type Jobs, POLL_SECONDS, QUEUE_OPTIONS, type QueueDefinition } from "../../database/jobs.ts";
import type { Queryable } from "../../database/queryable.ts";
import type { Logger } from "../../telemetry/logger.ts";
import { type Step, stepBulkRedrive } from "./bulk-redrive.ts";
import { selectRunningBulkRedrives } from "./bulk-redrives-table.ts";
import type { RedriveContext } from "./redrive.ts";

export type BulkRunnerOptions = Readonly<{
  context: Omit<RedriveContext, "tryPayload">;
  jobs: Jobs;
  logger: Logger;
  /** Resolves when a position of a domain has its outcome, or when the signal aborts. */
  settled: (domain: string, position: bigint, signal: AbortSignal) => Promise<unknown>;
}>;

export class BulkRunner {
  readonly #options: BulkRunnerOptions;
  readonly #stop = new AbortController();

  constructor(options: BulkRunnerOptions) {
    this.#options = options;
  }

  /** Takes jobs from now on, and enqueues one for whatever an earlier life has left. */
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

  /** Finishes the step in flight. Another process that takes jobs continues, or this one after a restart. */
  stop(): void {
    this.#stop.abort();
  }

  async #run(id: bigint): Promise<void> {
    const { context, jobs, settled, logger } = this.#options;
    const deadline = AbortSignal.timeout(RUN_MS_MAX);
    for (;;) {
      const step: Step = await stepBulkRedrive(context, id).catch((error: unknown) => {
        logger.warn(
          { err: error, bulkRedrive: String(id) },
          "a step of a bulk redrive failed; it is tried again",
        );
        throw error;
      });
      if (step.kind === "ended") return;
      this.#stop.signal.throwIfAborted();
      if (deadline.aborted) return enqueueBulkRedrive(jobs, context.database, id);
      await settled(step.domain, step.upTo, AbortSignal.any([this.#stop.signal, deadline]));
    }
  }
}

/** Enqueues the job that goes on with a bulk redrive, in the caller's transaction. */
export function enqueueBulkRedrive(jobs: Jobs, transaction: Queryable, id: bigint): Promise<void> {
  return jobs.send(transaction, BULK_REDRIVE_QUEUE.name, { id: String(id) });
}

export const BULK_REDRIVE_QUEUE: QueueDefinition = { name: "bulk-redrive", options: QUEUE_OPTIONS };

/** Well below the time after which pg-boss takes a job for lost. */
const RUN_MS_MAX = 30_000;
