/** What all domains of a process share. */
import type { Config } from "../config/config.ts";
import type { OpenRpcClient } from "../contract/rpc.ts";
import { Database } from "../database/database.ts";
import type { Jobs } from "../database/jobs.ts";
import type { EventFeed } from "../http/api/events.ts";
import type { Tokens } from "../http/server/tokens.ts";
import type { Wakeups } from "../projector/wakeups.ts";
import type { Logger } from "../telemetry/logger.ts";
import type { MessageTraces } from "../watch/message-traces.ts";
import type { Metrics } from "../watch/metrics.ts";

export type Shared = Readonly<{
  config: Config;
  logger: Logger;
  metrics: Metrics;
  pools: Pools;
  jobs: Jobs;
  wakeups: Wakeups;
  feed: EventFeed;
  tokens: Tokens;
  openRpcClient: OpenRpcClient;
  /** Undefined if tracing is off. */
  createTraces: (() => MessageTraces) | undefined;
}>;

export type Pools = Readonly<Record<"writes" | "reads" | "desk" | "audit", Database>>;

/** So that the message flow, readers and operators never wait for each other. */
export function openPools({ databaseUrl, databaseConnectionsMax }: Config, logger: Logger): Pools {
  const open = (
    connectionsMax: number,
    options: { hasTimeouts?: boolean; preparesStatements?: boolean } = {},
  ) => new Database(databaseUrl, { connectionsMax, logger, ...options });
  // By default 6, 6 and 4 connections, as measured.
  const shared = databaseConnectionsMax - 1;
  const reads = Math.max(1, Math.floor((shared * READ_SHARE) / SHARES));
  const desk = Math.max(1, Math.floor((shared * DESK_SHARE) / SHARES));
  return {
    writes: open(shared - reads - desk, { preparesStatements: true }),
    reads: open(reads, { preparesStatements: true }),
    desk: open(desk),
    // A full audit reads every row.
    audit: open(1, { hasTimeouts: false }),
  };
}

export async function closePools(pools: Pools): Promise<void> {
  await Promise.all(Object.values(pools).map((pool) => pool.close()));
}

/** The remaining six: an append, a projection and pg-boss's statements at once. */
const SHARES = 16;

/** More at once would only slow appends down. */
const READ_SHARE = 6;

/** A bulk redrive, a long dry run, and lookups. */
const DESK_SHARE = 4;
