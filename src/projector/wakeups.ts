/**
 * The jobs that wake a projector. An append enqueues one in its own transaction. A job carries only a position, so a
 * duplicate or late job affects latency alone. It matters if the appending process, which wakes its own projector at
 * once, dies, stops or fails.
 */
import { type Jobs, POLL_SECONDS, QUEUE_OPTIONS, type QueueDefinition } from "../database/jobs.ts";
import type { Queryable } from "../database/queryable.ts";

type Reach = (position: bigint, traceparent: string | undefined) => Promise<void>;

type Confirm = (position: bigint) => Promise<void>;

export class Wakeups {
  readonly #jobs: Jobs;

  constructor(jobs: Jobs) {
    this.#jobs = jobs;
  }

  /** In the caller's transaction. */
  async enqueue(transaction: Queryable, domain: string, upTo: bigint, traceparent?: string): Promise<void> {
    const data = { upTo: String(upTo), ...(traceparent === undefined ? {} : { traceparent }) };
    await this.#jobs.send(transaction, queueOf(domain), data);
  }

  /** The jobs are done once all are confirmed. */
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

/** More than a second of the smallest appends. */
const JOBS_PER_FETCH = 1_000;
