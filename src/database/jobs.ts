/**
 * Jobs in PostgreSQL, kept by pg-boss: enqueued within the transaction of what they are about, handed to one worker of
 * all processes, and tried again where a worker failed or its process died. What a job means is its queue's matter.
 */
import { PgBoss, type Queue, type WorkOptions } from "pg-boss";
import type { Logger } from "../telemetry/logger.ts";
import type { Database } from "./database.ts";
import type { Queryable } from "./queryable.ts";

/** Runs a statement with pg-boss's own parameters. */
type ExecuteSql = (text: string, values?: unknown[]) => Promise<{ rows: unknown[] }>;

/** A queue's name and what becomes of jobs that fail. */
export type QueueDefinition = Readonly<{ name: string; options: Omit<Queue, "name"> }>;

export class Jobs {
  readonly #boss: PgBoss;

  constructor(database: Database, logger: Logger) {
    const executeSql = (text: string, values?: unknown[]) => database.query<object>(text, values);
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

  /** Enqueues a job in the caller's transaction. */
  async send(transaction: Queryable, queue: string, data: object): Promise<void> {
    const executeSql = (text: string, values?: unknown[]) => transaction.query<object>(text, values);
    await this.#boss.send(queue, data, { db: { executeSql } });
  }

  /** Calls `handle` with the jobs of a queue as they come; they are done when it resolves. */
  async work<Data extends object>(
    queue: string,
    options: WorkOptions,
    handle: (jobs: readonly Data[]) => Promise<void>,
  ): Promise<void> {
    await this.#boss.work<Data>(queue, options, (jobs) => handle(jobs.map(({ data }) => data)));
  }

  /** Lets the handlers in flight finish, takes no further job. The database stays open. */
  async stop(): Promise<void> {
    await this.#boss.stop({ close: false, graceful: true, timeout: STOP_TIMEOUT_MS });
  }
}

/** Installs pg-boss's schema and the queues; runs as the owner, within `migrate`. */
export async function installQueues(
  executeSql: ExecuteSql,
  queues: readonly QueueDefinition[],
): Promise<void> {
  const boss = new PgBoss({ db: { executeSql }, migrate: true, supervise: false, schedule: false });
  const errors: Error[] = [];
  boss.on("error", (error) => errors.push(error));
  await boss.start();
  for (const { name, options } of queues) {
    await boss.createQueue(name, options);
    // Of one that was there before, the options of this version.
    await boss.updateQueue(name, options);
  }
  await executeSql(JOB_TABLE_SETTINGS);
  await boss.stop({ close: false, graceful: false });
  if (errors[0]) throw errors[0];
}

/**
 * Every job is inserted, updated twice and deleted within minutes. A fixed number of dead rows calls vacuum, whatever
 * the table's size is at the moment, and its visits are not slowed down: the room is used again before the table grows.
 */
const JOB_TABLE_SETTINGS = `alter table pgboss.job_common set (
  fillfactor = 70, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_cost_delay = 0
)`;

/** pg-boss's least, and so the delay with which one process sees the work of another that died. */
export const POLL_SECONDS = 0.5;

/** What every queue of the service does with jobs that fail or are done. */
export const QUEUE_OPTIONS = {
  // A job that fails is retried for as long as it takes: giving up would only delay what start-up enqueues anyway.
  retryLimit: 1_000_000,
  retryDelay: 1,
  retryBackoff: true,
  retryDelayMax: 30,
  // What a killed process held is free again after this time.
  expireInSeconds: 60,
  // A finished job is of no use to anybody; at a thousand messages a second there are twenty thousand of them a minute.
  deleteAfterSeconds: 60,
} as const;

/** How soon finished jobs go once they may: the table holds those of two minutes. */
const MAINTENANCE_INTERVAL_SECONDS = 60;

/** A batch takes tens of milliseconds; what takes longer has lost its database. */
const STOP_TIMEOUT_MS = 5_000;
