/**
 * Continues bulk discards and restores: a job enters, and a worker takes steps until the set is done. If a process dies,
 * pg-boss retries the job in another.
 */
import type { Database } from "../../database/database.ts";
import { type Jobs, POLL_SECONDS, QUEUE_OPTIONS, type QueueDefinition } from "../../database/jobs.ts";
import type { Queryable } from "../../database/queryable.ts";
import type { Logger } from "../../telemetry/logger.ts";
import { stepBulkDecision } from "./bulk-decision.ts";
import { selectRunningBulkDecisions } from "./bulk-decisions-table.ts";

export class BulkDecisionRunner {
  readonly #database: Database;
  readonly #jobs: Jobs;
  readonly #logger: Logger;
  readonly #stop = new AbortController();

  constructor(database: Database, jobs: Jobs, logger: Logger) {
    this.#database = database;
    this.#jobs = jobs;
    this.#logger = logger;
  }

  /** Also enqueues unfinished ones of earlier processes. */
  async start(): Promise<void> {
    for (const id of await selectRunningBulkDecisions(this.#database)) {
      await enqueueBulkDecision(this.#jobs, this.#database, id);
    }
    await this.#jobs.work<{ id: string }>(
      BULK_DECISION_QUEUE.name,
      { batchSize: 1, pollingIntervalSeconds: POLL_SECONDS },
      async ([job]) => this.#run(BigInt(job?.id ?? 0)),
    );
  }

  /** Completes the step in flight. */
  stop(): void {
    this.#stop.abort();
  }

  async #run(id: bigint): Promise<void> {
    const deadline = AbortSignal.timeout(RUN_MS_MAX);
    for (;;) {
      const isEnded = await stepBulkDecision(this.#database, id).catch((error: unknown) => {
        this.#logger.warn({ err: error, bulkDecision: String(id) }, "bulk decision step failed; retrying");
        throw error;
      });
      if (isEnded) return;
      this.#stop.signal.throwIfAborted();
      if (deadline.aborted) return enqueueBulkDecision(this.#jobs, this.#database, id);
    }
  }
}

/** In the caller's transaction. */
export function enqueueBulkDecision(jobs: Jobs, transaction: Queryable, id: bigint): Promise<void> {
  return jobs.send(transaction, BULK_DECISION_QUEUE.name, { id: String(id) });
}

export const BULK_DECISION_QUEUE: QueueDefinition = { name: "bulk-decision", options: QUEUE_OPTIONS };

/** Well below pg-boss's job expiry. */
const RUN_MS_MAX = 30_000;
