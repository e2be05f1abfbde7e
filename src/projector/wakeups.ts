/**
 * The jobs that wake a projector, kept by pg-boss. An append enqueues one in its own transaction; a worker hands
 * the jobs that are due to the projector. A job carries no work, only "there is something up to this position":
 * running one twice, late or never changes nothing but the time at which something is read. The process that
 * appended wakes its own projector at once and finds the job done when it comes to it; what a job is there for is
 * every other case: this process died, is stopping or failed, or another one should take over.
 */
import type pg from "pg";
import { PgBoss } from "pg-boss";
import type { ExecuteSql } from "../database/migrate.ts";
import type { Queryable } from "../database/pool.ts";
import type { Logger } from "../telemetry/logger.ts";

/** Asks the projector to have processed everything up to and including a position. */
export type Reach = (position: bigint) => Promise<void>;

export class Wakeups {
  readonly #boss: PgBoss;

  constructor(pool: pg.Pool, logger: Logger) {
    const executeSql = (text: string, values?: unknown[]) => pool.query(text, values);
    this.#boss = new PgBoss({
      db: { executeSql },
      // The service's role may not alter pg-boss's tables: `migrate` does that.
      migrate: false,
      createSchema: false,
      reindex: false,
      schedule: false,
      maintenanceIntervalSeconds: MAINTENANCE_INTERVAL_SECONDS,
    });
    this.#boss.on("error", (error) =>
      logger.warn({ error: error.message }, "pg-boss could not do its work; it tries again"),
    );
    this.#boss.on("warning", (warning) => logger.warn({ warning: warning.message }, "pg-boss warns"));
  }

  async start(): Promise<void> {
    await this.#boss.start();
  }

  /** Enqueues a wake-up in the caller's transaction. */
  async enqueue(transaction: Queryable, domain: string, upTo: bigint): Promise<void> {
    const executeSql = (text: string, values?: unknown[]) => transaction.query<object>(text, values);
    await this.#boss.send(queueOf(domain), { upTo: String(upTo) }, { db: { executeSql } });
  }

  /** Calls `reach` for the jobs of a domain as they come; the jobs are done when it resolves. */
  async work(domain: string, reach: Reach): Promise<void> {
    await this.#boss.work<{ upTo: string }>(
      queueOf(domain),
      { batchSize: JOBS_PER_FETCH, pollingIntervalSeconds: POLL_SECONDS, burstWhenBatchFull: true },
      async (jobs) => {
        // Positions grow, but jobs that were retried come out of order.
        for (const job of jobs) await reach(BigInt(job.data.upTo));
      },
    );
  }

  /** Lets the handler in flight finish, takes no further job. The pool stays open. */
  async stop(): Promise<void> {
    await this.#boss.stop({ close: false, graceful: true, timeout: STOP_TIMEOUT_MS });
  }
}

/** Installs pg-boss's schema and the queue of each domain; runs as the owner, within `migrate`. */
export async function installQueues(executeSql: ExecuteSql, domains: readonly string[]): Promise<void> {
  const boss = new PgBoss({ db: { executeSql }, migrate: true, supervise: false, schedule: false });
  const errors: Error[] = [];
  boss.on("error", (error) => errors.push(error));
  await boss.start();
  for (const domain of domains) await boss.createQueue(queueOf(domain), QUEUE_OPTIONS);
  await boss.stop({ close: false, graceful: false });
  if (errors[0]) throw errors[0];
}

const queueOf = (domain: string): string => `project-${domain}`;

const QUEUE_OPTIONS = {
  // A job that fails is retried for as long as it takes: giving up would only delay what start-up enqueues anyway.
  retryLimit: 1_000_000,
  retryDelay: 1,
  retryBackoff: true,
  retryDelayMax: 30,
  // What a killed process held is free again after this time.
  expireInSeconds: 60,
  // A finished wake-up is of no use to anybody; kept briefly for a person who looks.
  deleteAfterSeconds: 600,
} as const;

/** Ends the life of finished jobs soon after they may go, so that the table stays as small as its cache line. */
const MAINTENANCE_INTERVAL_SECONDS = 300;

/** More than a second of the smallest appends: fetching and completing a job costs as much as a small append. */
const JOBS_PER_FETCH = 1_000;

/** pg-boss's least, and so the delay with which one process sees the work of another that died. */
const POLL_SECONDS = 0.5;

/** A batch takes tens of milliseconds; what takes longer has lost its database. */
const STOP_TIMEOUT_MS = 5_000;
