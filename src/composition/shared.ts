/** What all domains of a process share, above all the connections to the database. */
import type { Config } from "../config/config.ts";
import { Database } from "../database/database.ts";
import type { Jobs } from "../database/jobs.ts";
import type { EventFeed } from "../http/api/events.ts";
import type { Wakeups } from "../projector/wakeups.ts";
import type { Logger } from "../telemetry/logger.ts";
import type { MessageTraces } from "../watch/message-traces.ts";
import type { Metrics } from "../watch/metrics.ts";

/** What all domains of a process share. */
export type Shared = Readonly<{
  config: Config;
  logger: Logger;
  metrics: Metrics;
  pools: Pools;
  jobs: Jobs;
  wakeups: Wakeups;
  feed: EventFeed;
  /** Undefined if nothing is traced. */
  createTraces: (() => MessageTraces) | undefined;
}>;

export type Pools = Readonly<Record<"writes" | "reads" | "desk" | "audit", Database>>;

/** The flow, readers and operators have connections of their own, so that none waits for another. */
export function openPools({ databaseUrl }: Config, logger: Logger): Pools {
  const open = (connectionsMax: number, hasTimeouts = true) =>
    new Database(databaseUrl, { connectionsMax, logger, hasTimeouts });
  return {
    writes: open(WRITE_CONNECTIONS),
    reads: open(READ_CONNECTIONS),
    desk: open(DESK_CONNECTIONS),
    // An audit may have to read every row.
    audit: open(1, false),
  };
}

export async function closePools(pools: Pools): Promise<void> {
  await Promise.all(Object.values(pools).map((pool) => pool.close()));
}

/** An append, a projection, and pg-boss's fetching and completing at the same time, with some room. */
const WRITE_CONNECTIONS = 6;

/** One bulk redrive, one long dry run, and people who look at something meanwhile. */
const DESK_CONNECTIONS = 4;

/** Read-through queries are short; more of them at once would only take the processor from the appends. */
const READ_CONNECTIONS = 6;
