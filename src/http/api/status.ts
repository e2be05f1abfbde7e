/**
 * `GET /status.json`: the figures of the status page, read from the Prometheus metrics, and the causes of recent dead
 * letters in words. The client computes rates and quantiles from two answers. Access is open, like `/metrics`.
 */
import {
  answer,
  arrayOf,
  COUNT,
  FLAG,
  named,
  nullable,
  object,
  type Schema,
  TEXT,
  TIME,
} from "../../contract/openapi.ts";
import { type Route, sendJson } from "../../contract/route.ts";
import type { RecentGroup } from "../../deadletter/find/dead-letter-groups-table.ts";
import { foldPath, type KnownPaths } from "../../projector/fingerprint.ts";
import type { Metrics } from "../../watch/metrics.ts";

export type StatusOptions = Readonly<{
  domains: readonly string[];
  metrics: Metrics;
  refreshMetrics: () => Promise<void>;
  /** As of the last refresh. */
  recentDeadLetters: () => readonly RecentGroup[];
  /** The paths in a domain's schema. */
  knownOf: (domain: string) => KnownPaths;
}>;

export function statusRoute(options: StatusOptions): Route {
  return {
    method: "GET",
    path: "/status.json",
    access: "open",
    operation: {
      tags: ["operations"],
      summary: "Figures of the status page, for this process",
      responses: { 200: answer("counts since process start, and current values", STATUS) },
    },
    handle: async (_request, response) => {
      await options.refreshMetrics();
      sendJson(response, 200, await readStatus(options));
    },
  };
}

async function readStatus({ domains: names, metrics, recentDeadLetters, knownOf }: StatusOptions) {
  const domains = await Promise.all(names.map((name) => readDomain(name, metrics)));
  const { user, system } = process.cpuUsage();
  const requests = await samplesOf(metrics.requestTimes);
  return {
    at: new Date().toISOString(),
    database: { connected: sum(await samplesOf(metrics.databaseConnected)) === 1 },
    process: { resident_bytes: process.memoryUsage.rss(), cpu_seconds: (user + system) / 1_000_000 },
    requests: sum(requests.filter(({ metricName }) => metricName?.endsWith("_count"))) ?? 0,
    domains,
    sources: await readSources(metrics),
    // Without names that senders chose and without values, because access is open.
    causes: recentDeadLetters().map(({ domain, code, fingerprint, letters, path, expected }) => ({
      domain,
      code,
      fingerprint,
      letters: Number(letters),
      path: foldPath(path, knownOf(domain)),
      expected,
    })),
  };
}

async function readDomain(domain: string, metrics: Metrics) {
  const sumOf = async (metric: Readable, labels: Labels = {}) =>
    sum(await samplesOf(metric), { domain, ...labels });
  const outcome = async (name: string) => (await sumOf(metrics.outcomes, { outcome: name })) ?? 0;
  const cacheReads = await samplesNamed(metrics, "waybill_cache_requests_total");
  return {
    domain,
    pending: await sumOf(metrics.pending),
    oldest_pending_seconds: await sumOf(metrics.oldestPendingSeconds),
    stalled_seconds: await sumOf(metrics.stalledSeconds),
    discrepancies: await sumOf(metrics.auditDiscrepancies),
    audit_age_seconds: await sumOf(metrics.auditAgeSeconds),
    appended: (await sumOf(metrics.inboxAppended)) ?? 0,
    projected: await outcome("projected"),
    duplicate: await outcome("duplicate"),
    dead: await outcome("dead"),
    append_seconds: bucketsOf(await samplesOf(metrics.appendSeconds), domain),
    readable_seconds: bucketsOf(await samplesOf(metrics.publishToReadable), domain),
    cache_bytes: sum(await samplesNamed(metrics, "waybill_cache_bytes"), { domain }),
    cache_hits: sum(cacheReads, { domain, result: "hit" }),
    cache_misses: sum(cacheReads, { domain, result: "miss" }),
  };
}

async function readSources(metrics: Metrics) {
  const read = async (metric: Readable, labels: Labels) => sum(await samplesOf(metric), labels);
  const connected = await samplesOf(metrics.sourceConnected);
  return Promise.all(
    connected.map(async ({ labels, value }) => ({
      domain: String(labels.domain),
      source: String(labels.source),
      channel: String(labels.channel),
      connected: value === 1,
      paused: (await read(metrics.sourcePaused, { domain: labels.domain, source: labels.source })) === 1,
      appended: (await read(metrics.inboxAppended, labels)) ?? 0,
      lag: await read(metrics.sourceLag, labels),
      redelivered: await read(metrics.redelivered, labels),
      refused: await read(metrics.refused, labels),
      lost: (await read(metrics.gapMessages, labels)) ?? 0,
    })),
  );
}

type Labels = Readonly<Partial<Record<string, string | number>>>;
type Sample = Readonly<{ value: number; labels: Labels; metricName?: string }>;
type Readable = Readonly<{ get(): Promise<Readonly<{ values: readonly Sample[] }>> }>;

async function samplesOf(metric: Readable | undefined): Promise<readonly Sample[]> {
  return (await metric?.get())?.values ?? [];
}

function samplesNamed({ registry }: Metrics, name: string): Promise<readonly Sample[]> {
  return samplesOf(registry.getSingleMetric(name) as Readable | undefined);
}

/** Sum of the samples with these labels; null, not 0, if there are none. */
function sum(samples: readonly Sample[], wanted: Labels = {}): number | null {
  const found = samples.filter(({ labels }) =>
    Object.entries(wanted).every(([name, value]) => labels[name] === value),
  );
  return found.length === 0 ? null : found.reduce((total, { value }) => total + value, 0);
}

/** Cumulative counts by ascending upper bound; null is infinity. */
function bucketsOf(samples: readonly Sample[], domain: string) {
  return samples
    .filter(({ labels, metricName }) => metricName?.endsWith("_bucket") && labels.domain === domain)
    .map(({ labels: { le }, value }) => ({ le: typeof le === "number" ? le : null, count: value }));
}

const NUMBER: Schema = { type: "number" };
const BUCKETS = arrayOf(object({ le: nullable(NUMBER), count: COUNT }));

const STATUS = named(
  "Status",
  object({
    at: TIME,
    database: object({ connected: FLAG }),
    process: object({ resident_bytes: COUNT, cpu_seconds: NUMBER }),
    requests: COUNT,
    domains: arrayOf(
      object({
        domain: TEXT,
        pending: nullable(COUNT),
        oldest_pending_seconds: nullable(NUMBER),
        stalled_seconds: nullable(NUMBER),
        discrepancies: nullable(COUNT),
        audit_age_seconds: nullable(NUMBER),
        appended: COUNT,
        projected: COUNT,
        duplicate: COUNT,
        dead: COUNT,
        append_seconds: BUCKETS,
        readable_seconds: BUCKETS,
        cache_bytes: nullable(COUNT),
        cache_hits: nullable(COUNT),
        cache_misses: nullable(COUNT),
      }),
    ),
    sources: arrayOf(
      object({
        domain: TEXT,
        source: TEXT,
        channel: TEXT,
        connected: FLAG,
        paused: FLAG,
        appended: COUNT,
        lag: nullable(COUNT),
        redelivered: nullable(COUNT),
        refused: nullable(COUNT),
        lost: COUNT,
      }),
    ),
    causes: arrayOf(
      object({ domain: TEXT, code: TEXT, fingerprint: TEXT, letters: COUNT, path: TEXT, expected: TEXT }),
    ),
  }),
);
