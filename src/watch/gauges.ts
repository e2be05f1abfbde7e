/** The gauges and sampled counters, brought up to date when the metrics are read; at a cost that does not grow with the tables. */

import type { Source } from "../contract/source.ts";
import type { Database } from "../database/database.ts";
import type { RecentGroup, StateCount } from "../deadletter/find/dead-letter-groups-table.ts";
import type { Statistics } from "../projector/statistics.ts";
import type { Metrics } from "./metrics.ts";

export type Gauged = Readonly<{
  domain: string;
  statistics: Statistics;
  sources: readonly Source[];
  inbox: { readonly bufferBytes: number };
  cache: { readonly entries: number; readonly bytes: number };
  cacheReads: Readonly<Record<string, number>>;
  database: { readonly isConnected: boolean };
  auditor: { readonly ageSeconds: number | undefined };
  stallWatch: { readonly seconds: number };
  /** By code and state, as they are counted in their groups. */
  countDeadLetters: () => Promise<readonly StateCount[]>;
  recentDeadLetters: () => Promise<readonly RecentGroup[]>;
  pools: Readonly<Record<string, Database>>;
}>;

export async function refreshGauges(metrics: Metrics, gauged: Gauged): Promise<void> {
  const {
    domain,
    statistics,
    sources,
    inbox,
    cache,
    cacheReads,
    database,
    auditor,
    stallWatch,
    countDeadLetters,
    recentDeadLetters,
    pools,
  } = gauged;
  metrics.bufferBytes.set(inbox.bufferBytes);
  metrics.cacheEntries.set(cache.entries);
  metrics.cacheBytes.set(cache.bytes);
  // Counted where they happen, without a label lookup for each read.
  metrics.cacheRequests.reset();
  for (const [result, count] of Object.entries(cacheReads)) metrics.cacheRequests.inc({ result }, count);
  metrics.databaseConnected.set(database.isConnected ? 1 : 0);
  for (const { name, channel, health, lag } of sources) {
    metrics.sourceConnected.set({ source: name }, health.connected ? 1 : 0);
    // Without a connection nobody knows, and an old number would say that somebody does.
    if (lag === undefined) metrics.sourceLag.remove({ source: name, channel });
    else metrics.sourceLag.set({ source: name, channel }, lag);
  }
  for (const [pool, { connections }] of Object.entries(pools)) {
    metrics.databaseConnections.set({ pool, state: "busy" }, connections.busy);
    metrics.databaseConnections.set({ pool, state: "idle" }, connections.idle);
    metrics.databaseConnections.set({ pool, state: "waiting" }, connections.waiting);
  }
  if (auditor.ageSeconds !== undefined) metrics.auditAgeSeconds.set({ domain }, auditor.ageSeconds);
  metrics.stalledSeconds.set({ domain }, stallWatch.seconds);
  if (!database.isConnected) return;
  // Without an answer the last values stand, and `waybill_database_connected` says that they are old.
  const questions = [
    statistics.counts(),
    statistics.oldestPendingSeconds(),
    countDeadLetters(),
    recentDeadLetters(),
  ] as const;
  await Promise.all(questions).then(
    ([counts, oldestSeconds, letters, recent]) => {
      metrics.recentDeadLetters.reset();
      for (const { letters: count, ...group } of recent) metrics.recentDeadLetters.set(group, Number(count));
      for (const { domain: of, code, ...states } of letters) {
        for (const [state, count] of Object.entries(states)) {
          metrics.deadLetters.set({ domain: of, state, code }, Number(count));
        }
      }
      metrics.pending.set({ domain }, Number(counts.pending));
      metrics.oldestPendingSeconds.set({ domain }, oldestSeconds);
    },
    () => {},
  );
}
