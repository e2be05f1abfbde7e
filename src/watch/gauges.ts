/** Updates gauges at each scrape; the cost does not depend on table sizes. */
import type { Source } from "../contract/source.ts";
import type { RecentGroup, StateCount } from "../deadletter/find/dead-letter-groups-table.ts";
import type { Refusal } from "../outbox/outbox-refusals-table.ts";
import type { OutboxCounts } from "../outbox/outbox-table.ts";
import type { CheckpointWatch } from "../projector/checkpoint-watch.ts";
import type { Metrics } from "./metrics.ts";

type GaugedLine = Readonly<{
  name: string;
  watch: CheckpointWatch;
  inbox: { readonly bufferBytes: number };
  intake: { readonly sources: readonly Source[] };
  /** Undefined without a broker: events are then not late. */
  relay: object | undefined;
}>;

type GaugedOutbox = Readonly<{
  countEvents: (domain: string) => Promise<OutboxCounts>;
  selectRefusals: (domain: string) => Promise<readonly Refusal[]>;
}>;

type Gauged = Readonly<{
  lines: readonly GaugedLine[];
  outbox: GaugedOutbox;
  database: { readonly isConnected: boolean };
  auditor: { readonly ageSeconds: number | undefined };
  countDeadLetters: () => Promise<readonly StateCount[]>;
  recentDeadLetters: () => Promise<readonly RecentGroup[]>;
  pools: Readonly<Record<string, { connections: Readonly<Record<"busy" | "idle" | "waiting", number>> }>>;
}>;

export async function refreshGauges(metrics: Metrics, gauged: Gauged): Promise<void> {
  const { lines, database, auditor, pools } = gauged;
  metrics.readAll();
  metrics.databaseConnected.set(database.isConnected ? 1 : 0);
  for (const line of lines) {
    refreshLine(metrics, line);
    if (auditor.ageSeconds !== undefined)
      metrics.auditAgeSeconds.set({ domain: line.name }, auditor.ageSeconds);
  }
  for (const [pool, { connections }] of Object.entries(pools)) {
    for (const [state, count] of Object.entries(connections)) {
      metrics.databaseConnections.set({ pool, state }, count);
    }
  }
  // `waybill_database_connected` shows that the last values are stale.
  if (!database.isConnected) return;
  await Promise.all([
    ...lines.map((line) => countPending(metrics, line)),
    ...lines.map(({ name, relay }) => relay && countOutbox(metrics, name, gauged.outbox)),
    countDeadLetters(metrics, gauged),
  ]).catch(() => {});
}

function refreshLine(metrics: Metrics, { name: domain, watch, inbox, intake }: GaugedLine): void {
  metrics.bufferBytes.set({ domain }, inbox.bufferBytes);
  metrics.stalledSeconds.set({ domain }, watch.stalledSeconds);
  for (const { name: source, channel, health, lag, isPaused } of intake.sources) {
    if (isPaused !== undefined) metrics.sourcePaused.set({ domain, source }, isPaused ? 1 : 0);
    metrics.sourceConnected.set({ domain, source, channel }, health.connected ? 1 : 0);
    // A stale value would mislead.
    if (lag === undefined) metrics.sourceLag.remove({ domain, source, channel });
    else metrics.sourceLag.set({ domain, source, channel }, lag);
  }
}

async function countPending(metrics: Metrics, { name: domain, watch }: GaugedLine): Promise<void> {
  const [counts] = await Promise.all([watch.counts(), watch.look()]);
  metrics.pending.set({ domain }, Number(counts.pending));
  metrics.oldestPendingSeconds.set({ domain }, watch.oldestPendingSeconds);
}

async function countOutbox(metrics: Metrics, domain: string, outbox: GaugedOutbox): Promise<void> {
  const [counts, refusals] = await Promise.all([outbox.countEvents(domain), outbox.selectRefusals(domain)]);
  metrics.outboxPending.set({ domain }, counts.pending);
  metrics.outboxOldestSeconds.set({ domain }, counts.oldestSeconds);
  metrics.outboxHeld.set({ domain }, counts.held);
  metrics.outboxRefused.set({ domain }, refusals.filter(({ state }) => state === "blocked").length);
}

async function countDeadLetters(metrics: Metrics, gauged: Gauged): Promise<void> {
  const [letters, recent] = await Promise.all([gauged.countDeadLetters(), gauged.recentDeadLetters()]);
  metrics.recentDeadLetters.reset();
  for (const { domain, code, fingerprint, letters: count } of recent)
    metrics.recentDeadLetters.set({ domain, code, fingerprint }, Number(count));
  for (const { domain, code, ...states } of letters) {
    for (const [state, count] of Object.entries(states)) {
      metrics.deadLetters.set({ domain, state, code }, Number(count));
    }
  }
}
