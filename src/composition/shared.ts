/** What all domains of a process share, above all the connections to the database. */
import type { Config } from "../config/config.ts";
import type { OpenRpcClient } from "../contract/rpc.ts";
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
  openRpcClient: OpenRpcClient;
  /** Undefined if nothing is traced. */
  createTraces: (() => MessageTraces) | undefined;
}>;

export type Pools = Readonly<Record<"writes" | "reads" | "desk" | "audit", Database>>;

/** The flow, readers and operators have connections of their own, so that none waits for another. */
export function openPools({ databaseUrl, databaseConnectionsMax }: Config, logger: Logger): Pools {
  const open = (connectionsMax: number, hasTimeouts = true) =>
    new Database(databaseUrl, { connectionsMax, logger, hasTimeouts });
  // The shares are those that were measured with the default: 6, 6 and 4 beside the audit's one.
  const shared = databaseConnectionsMax - 1;
  const reads = Math.max(1, Math.floor((shared * READ_SHARE) / SHARES));
  const desk = Math.max(1, Math.floor((shared * DESK_SHARE) / SHARES));
  return {
    writes: open(shared - reads - desk),
    reads: open(reads),
    desk: open(desk),
    // An audit may have to read every row.
    audit: open(1, false),
  };
}

export async function closePools(pools: Pools): Promise<void> {
  await Promise.all(Object.values(pools).map((pool) => pool.close()));
}

/** The rest writes: an append, a projection, and pg-boss's fetching and completing at the same time, with some room. */
const SHARES = 16;

/** Read-through queries are short; more of them at once would only take the processor from the appends. */
const READ_SHARE = 6;

/** One bulk redrive, one long dry run, and people who look at something meanwhile. */
const DESK_SHARE = 4;
