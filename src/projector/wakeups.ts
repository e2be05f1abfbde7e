/**
 * The jobs that wake a projector. An append enqueues one in its own transaction. A job carries only a position, so a
 * duplicate or late job affects latency alone. The appending process wakes its own projector at once; the job covers
 * every other case: the process died, is stopping or failed.
 */
import { type Jobs, POLL_SECONDS, QUEUE_OPTIONS, type QueueDefinition } from "../database/jobs.ts";
import type { Queryable } from "../database/queryable.ts";

/** Projects everything up to and including a position. */
type Reach = (position: bigint, traceparent: string | undefined) => Promise<void>;

/** Makes sure that the projection up to and including a position is stored. */
type Confirm = (position: bigint) => Promise<void>;

export class Wakeups {
  readonly #jobs: Jobs;

  constructor(jobs: Jobs) {
    this.#jobs = jobs;
  }

  /**
   * Enqueues a wake-up in the caller's transaction.
   * @param traceparent of the append, if it is traced.
   */
  async enqueue(transaction: Queryable, domain: string, upTo: bigint, traceparent?: string): Promise<void> {
    const data = { upTo: String(upTo), ...(traceparent === undefined ? {} : { traceparent }) };
    await this.#jobs.send(transaction, queueOf(domain), data);
  }

  /** Calls `reach` for each job of a domain; the jobs are done once all are confirmed. */
  async work(domain: string, reach: Reach, confirm: Confirm): Promise<void> {
    await this.#jobs.work<{ upTo: string; traceparent?: string }>(
      queueOf(domain),
      { batchSize: JOBS_PER_FETCH, pollingIntervalSeconds: POLL_SECONDS, burstWhenBatchFull: true },
      async (jobs) => {
        // Retried jobs arrive out of order.
        let highest = 0n;
        for (const { upTo, traceparent } of jobs) {
          const position = BigInt(upTo);
          await reach(position, traceparent);
          if (position > highest) highest = position;
        }
        await confirm(highest);
      },
    );
  }
}

export function wakeupQueues(domains: readonly string[]): QueueDefinition[] {
  return domains.map((domain) => ({ name: queueOf(domain), options: QUEUE_OPTIONS }));
}

const queueOf = (domain: string): string => `project-${domain}`;

/** More than a second of the smallest appends: a job costs as much as a small append. */
const JOBS_PER_FETCH = 1_000;
