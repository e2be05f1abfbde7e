/** Builds what tells a webhook of alerts, and reads the conditions of this process. */
import { hostname } from "node:os";
import type { Auditor } from "../audit/auditor.ts";
import type { DatabaseMonitor } from "../database/monitor.ts";
import type { DomainLine } from "../domain-line.ts";
import type { Alert, AlertKind } from "../notify/alert.ts";
import type { Condition, Reading } from "../notify/detector.ts";
import { REPEAT_SECONDS } from "../notify/formats.ts";
import { selectGrowingGroups } from "../notify/groups-table.ts";
import { type Grown, Growth, WINDOW_MS } from "../notify/growth.ts";
import { MemoryLedger, TableLedger } from "../notify/ledger.ts";
import { Notifier } from "../notify/notifier.ts";
import type { Shared } from "./shared.ts";

/** Undefined without NOTIFY_URL. */
export function openNotifier(
  { config, logger, metrics, pools }: Shared,
  lines: readonly DomainLine[],
  monitor: DatabaseMonitor,
  auditor: Auditor,
): Notifier | undefined {
  const { url, format, secret, surgeLetters, stalledSeconds, disconnectedSeconds } = config.notify;
  if (url === undefined) return undefined;
  const memory = new MemoryLedger();
  const table = new TableLedger(pools.reads, {
    unseenSeconds: UNSEEN_SECONDS,
    leaseSeconds: LEASE_SECONDS,
    repeatSeconds: REPEAT_SECONDS[format],
  });
  const pageOf = (path: string) => {
    const [publicUrl] = config.publicUrls;
    return publicUrl === undefined ? undefined : publicUrl + path;
  };
  const alertOf = (
    kind: AlertKind,
    labels: Alert["labels"],
    summary: string,
    page = "/ui/status",
    severity: Alert["severity"] = "page",
  ): Alert => ({ kind, labels, severity, summary, url: pageOf(page) });

  const surgeOf = ({ group: { domain, fingerprint, code }, letters }: Grown): Condition => ({
    alert: alertOf(
      "dead_letter_surge",
      { domain, code, fingerprint },
      `${letters} new dead letters of ${domain} within ten minutes with one cause (${code}).`,
      `/ui/dead-letter-list?${new URLSearchParams({ domain, fingerprint })}`,
      "ticket",
    ),
    holdSeconds: 0,
  });

  const conditionsOf = (line: DomainLine): Condition[] => {
    const domain = line.name;
    const found: Condition[] = [];
    if (line.watch.stalledSeconds >= stalledSeconds) {
      const summary = `The projection of ${domain} is stalled for more than ${stalledSeconds} s.`;
      found.push({ alert: alertOf("projector_stalled", { domain }, summary), holdSeconds: 0 });
    }
    for (const { name: source, health, isPaused = false } of line.intake.sources) {
      if (health.connected || isPaused) continue;
      const summary = `A process is not connected to ${source} and receives no messages for ${domain}.`;
      const alert = alertOf("source_disconnected", { domain, source }, summary);
      found.push({ alert, holdSeconds: disconnectedSeconds });
    }
    const broken = auditor.brokenOf(domain);
    if (broken > 0n) {
      const summary = `The last audit found ${broken} violations in ${domain}.`;
      found.push({ alert: alertOf("audit_broken", { domain }, summary), holdSeconds: 0 });
    }
    return found;
  };

  /** Since the database answers. */
  let watchedSinceMs: number | undefined;
  const youngKinds = (atMs: number): AlertKind[] => {
    watchedSinceMs ??= atMs;
    const watchedSeconds = (atMs - watchedSinceMs) / 1000 - START_SECONDS_MAX;
    const isYoung: Partial<Record<AlertKind, boolean>> = {
      dead_letter_surge: watchedSeconds < WINDOW_MS / 1000,
      projector_stalled: watchedSeconds < stalledSeconds,
      source_disconnected: watchedSeconds < disconnectedSeconds,
      audit_broken: auditor.ageSeconds === undefined,
    };
    return KINDS_OF_TABLE.filter((kind) => isYoung[kind]);
  };

  const growth = new Growth();
  const domains = lines.map(({ name }) => name);
  const read = async (): Promise<Reading> => {
    const atMs = performance.now();
    const isAnswering = monitor.isConnected;
    const groups = isAnswering
      ? await selectGrowingGroups(pools.reads, domains).catch(() => undefined)
      : undefined;
    if (groups === undefined) {
      watchedSinceMs = undefined;
      const summary = "A process cannot reach the database: nothing is stored and nothing is acknowledged.";
      const alert = alertOf("database_unavailable", { process: hostname() }, summary);
      return {
        atMs,
        conditions: isAnswering ? [] : [{ alert, holdSeconds: disconnectedSeconds }],
        unknown: KINDS_OF_TABLE,
        young: KINDS_OF_TABLE,
      };
    }
    const surges = growth.add(groups, Date.now()).filter(({ letters }) => letters > surgeLetters);
    const conditions = [...surges.map(surgeOf), ...lines.flatMap(conditionsOf)];
    return { atMs, conditions, unknown: [], young: youngKinds(atMs) };
  };

  metrics.readAtScrape(() => {
    void Promise.all([memory.countDue(), table.countDue()]).then(
      ([own, shared]) => metrics.notifyPending.set(own + shared),
      () => metrics.notifyPending.remove(),
    );
  });
  return new Notifier({
    webhook: { url, format, secret },
    read,
    memory,
    table,
    onSent: () => metrics.notifySent.inc(),
    onFailed: () => metrics.notifyFailed.inc(),
    logger,
  });
}

/** They need the database, or are not read while it is unavailable. */
const KINDS_OF_TABLE: readonly AlertKind[] = [
  "dead_letter_surge",
  "projector_stalled",
  "source_disconnected",
  "audit_broken",
];

/** Beside the time of a condition: the start of a process, and some looks of the notifier. */
const START_SECONDS_MAX = 15;

/** Several looks of the notifier, so that a slow one ends nothing. */
const UNSEEN_SECONDS = 20;

/** Longer than an attempt. */
const LEASE_SECONDS = 15;
