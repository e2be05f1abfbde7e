/**
 * Jobs of pg-boss in PostgreSQL: enqueued in the transaction that they depend on, given to one worker of all processes,
 * and retried if the worker fails or its process dies.
 */
import { PgBoss, type Queue, type WorkOptions } from "pg-boss";
import type { Logger } from "../telemetry/logger.ts";
import type { Database } from "./database.ts";
import type { Queryable } from "./queryable.ts";

type ExecuteSql = (text: string, values?: unknown[]) => Promise<{ rows: unknown[] }>;

export type QueueDefinition = Readonly<{ name: string; options: Omit<Queue, "name"> }>;

export class Jobs {
  readonly #boss: PgBoss;

  constructor(database: Database, logger: Logger) {
    const executeSql = (text: string, values?: unknown[]) => database.query<object>(text, values);
    this.#boss = new PgBoss({
      db: { executeSql },
      // `migrate` changes pg-boss's tables; the service's role may not.
      migrate: false,
      createSchema: false,
      reindex: false,
      schedule: false,
      maintenanceIntervalSeconds: MAINTENANCE_INTERVAL_SECONDS,
    });
    this.#boss.on("error", (error) => logger.warn({ error: error.message }, "pg-boss failed; it retries"));
    this.#boss.on("warning", (warning) => logger.warn({ warning: warning.message }, "pg-boss warns"));
  }

  async start(): Promise<void> {
    await this.#boss.start();
  }

  async send(transaction: Queryable, queue: string, data: object): Promise<void> {
    const executeSql = (text: string, values?: unknown[]) => transaction.query<object>(text, values);
    await this.#boss.send(queue, data, { db: { executeSql } });
  }

  /** Jobs are done when `handle` resolves. */
  async work<Data extends object>(
    queue: string,
    options: WorkOptions,
    handle: (jobs: readonly Data[]) => Promise<void>,
  ): Promise<void> {
    await this.#boss.work<Data>(queue, options, (jobs) => handle(jobs.map(({ data }) => data)));
  }

  /** Waits for jobs in flight. The database stays open. */
  async stop(): Promise<void> {
    await this.#boss.stop({ close: false, graceful: true, timeout: STOP_TIMEOUT_MS });
  }
}

/** Runs as the owner. */
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
    // A queue that already exists keeps its old options otherwise.
    await boss.updateQueue(name, options);
  }
  await executeSql(JOB_TABLE_SETTINGS);
  await boss.stop({ close: false, graceful: false });
  if (errors[0]) throw errors[0];
}

/** Jobs are inserted, updated twice and deleted within minutes. Early vacuum lets the table reuse its space. */
const JOB_TABLE_SETTINGS = `alter table pgboss.job_common set (
  fillfactor = 70, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_cost_delay = 0
)`;

/** pg-boss's minimum: how soon a process takes over the jobs of a dead one. */
export const POLL_SECONDS = 0.5;

export const QUEUE_OPTIONS = {
  // Retries practically without limit: start-up would enqueue the job again anyway.
  retryLimit: 1_000_000,
  retryDelay: 1,
  retryBackoff: true,
  retryDelayMax: 30,
  // How soon the jobs of a killed process become available again.
  expireInSeconds: 60,
  // At a thousand messages a second there are twenty thousand jobs a minute.
  deleteAfterSeconds: 60,
} as const;

/** The table holds two minutes of done jobs. */
const MAINTENANCE_INTERVAL_SECONDS = 60;

/** A batch takes tens of milliseconds. */
const STOP_TIMEOUT_MS = 5_000;
