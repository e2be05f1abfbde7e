/**
 * The jobs that wake a projector. An append enqueues one in its own transaction; a worker hands the jobs that are due
 * to the projector. A job carries no work, only "there is something up to this position": running one twice, late or
 * never changes nothing but the time at which something is read. The process that appended wakes its own projector at
 * once and finds the job done when it comes to it; what a job is there for is every other case: this process died, is
 * stopping or failed, or another one should take over.
 */
import { type Jobs, POLL_SECONDS, QUEUE_OPTIONS, type QueueDefinition } from "../database/jobs.ts";
import type { Queryable } from "../database/queryable.ts";

/** Asks the projector to have processed everything up to and including a position. */
type Reach = (position: bigint, traceparent: string | undefined) => Promise<void>;

/** Makes sure that everything up to and including a position is processed for good. */
type Confirm = (position: bigint) => Promise<void>;

export class Wakeups {
  readonly #jobs: Jobs;

  constructor(jobs: Jobs) {
    this.#jobs = jobs;
  }

  /**
   * Enqueues a wake-up in the caller's transaction.
   * @param traceparent the W3C trace context in which the job is enqueued, if it is traced.
   */
  async enqueue(transaction: Queryable, domain: string, upTo: bigint, traceparent?: string): Promise<void> {
    const data = { upTo: String(upTo), ...(traceparent === undefined ? {} : { traceparent }) };
    await this.#jobs.send(transaction, queueOf(domain), data);
  }

  /** Calls `reach` for the jobs of a domain as they come; the jobs are done once all of them are confirmed. */
  async work(domain: string, reach: Reach, confirm: Confirm): Promise<void> {
    await this.#jobs.work<{ upTo: string; traceparent?: string }>(
      queueOf(domain),
      { batchSize: JOBS_PER_FETCH, pollingIntervalSeconds: POLL_SECONDS, burstWhenBatchFull: true },
      async (jobs) => {
        // Positions grow, but jobs that were retried come out of order.
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

/** The queue of each domain's wake-ups. */
export function wakeupQueues(domains: readonly string[]): QueueDefinition[] {
  return domains.map((domain) => ({ name: queueOf(domain), options: QUEUE_OPTIONS }));
}

const queueOf = (domain: string): string => `project-${domain}`;

/** More than a second of the smallest appends: fetching and completing a job costs as much as a small append. */
const JOBS_PER_FETCH = 1_000;
