/**
 * Conservation over all domains: `inbox = projected + duplicate + dead + pending`, each position exactly once. The
 * command, the endpoint and the metric all show what this found.
 */
import { setTimeout as delay } from "node:timers/promises";
import type pg from "pg";
import type { Logger } from "../telemetry/logger.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import { type AuditCounts, auditDomain } from "./audit-table.ts";
import type { Domain } from "./domain.ts";

export type AuditReport = Readonly<{
  holds: boolean;
  domains: Readonly<Record<string, AuditCounts>>;
}>;

export async function audit(
  pool: pg.Pool,
  domains: readonly Pick<Domain, "name" | "relation">[],
): Promise<AuditReport> {
  const found: Record<string, AuditCounts> = {};
  for (const { name, relation } of domains) found[name] = await auditDomain(pool, name, relation);
  return { holds: Object.values(found).every(({ broken }) => broken === 0n), domains: found };
}

/** The report with numbers as JSON has them; positions stay exact up to 2^53. */
export function toJson(report: AuditReport) {
  const domains = Object.entries(report.domains).map(([name, counts]) => {
    const { discrepancies, broken, gaps, ...outcomes } = counts;
    const numbers = Object.entries(outcomes).map(([outcome, count]) => [outcome, Number(count)]);
    return [
      name,
      {
        ...Object.fromEntries(numbers),
        broken: Number(broken),
        discrepancies: discrepancies.map(Number),
        gaps: gaps.slice(0, GAPS_SHOWN_MAX).map(gapToJson),
      },
    ];
  });
  return { holds: report.holds, domains: Object.fromEntries(domains) };
}

function gapToJson({ from, to, before, ...where }: AuditCounts["gaps"][number]) {
  return {
    ...where,
    from: Number(from),
    to: Number(to),
    messages: Number(missingIn({ from, to })),
    before: Number(before),
  };
}

/** How many messages a gap stands for. */
export function missingIn({ from, to }: Readonly<{ from: bigint; to: bigint }>): bigint {
  return to - from + 1n;
}

/** Audits on demand and at an interval, one at a time, and keeps the metrics of the last one. */
export class Auditor {
  readonly #pool: pg.Pool;
  readonly #domains: readonly Domain[];
  readonly #metrics: Metrics;
  #running: Promise<AuditReport> | undefined;
  #lastAt: number | undefined;

  constructor(pool: pg.Pool, domains: readonly Domain[], metrics: Metrics) {
    this.#pool = pool;
    this.#domains = domains;
    this.#metrics = metrics;
  }

  /** Whoever asks while one runs gets its result: each reads the whole inbox. */
  run(): Promise<AuditReport> {
    this.#running ??= this.#audit().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  /** Audits now and then at an interval until the signal aborts. */
  async runEvery(intervalSeconds: number, signal: AbortSignal, logger: Logger): Promise<void> {
    while (!signal.aborted) {
      await this.run().then(
        ({ holds }) =>
          holds || logger.error("the audit found positions that break conservation: see GET /audit"),
        (error: unknown) => logger.warn({ error: String(error) }, "an audit could not be finished"),
      );
      await delay(intervalSeconds * 1000, undefined, { signal }).catch(() => {});
    }
  }

  /** Sets the age of the last audit; called when the metrics are read. */
  measureAge(): void {
    if (this.#lastAt === undefined) return;
    for (const { name } of this.#domains) {
      this.#metrics.auditAgeSeconds.set({ domain: name }, (Date.now() - this.#lastAt) / 1000);
    }
  }

  async #audit(): Promise<AuditReport> {
    const report = await audit(this.#pool, this.#domains);
    this.#lastAt = Date.now();
    const missing = new Map<string, number>();
    for (const [domain, { broken, gaps }] of Object.entries(report.domains)) {
      this.#metrics.auditDiscrepancies.set({ domain }, Number(broken));
      for (const gap of gaps) {
        const { source, channel } = gap;
        missing.set(
          `${source}\0${channel}`,
          (missing.get(`${source}\0${channel}`) ?? 0) + Number(missingIn(gap)),
        );
      }
    }
    for (const [key, count] of missing) {
      const [source = "", channel = ""] = key.split("\0");
      this.#metrics.gapMessages.set({ source, channel }, count);
    }
    return report;
  }
}

/** Enough to see where; the metric says how many. */
const GAPS_SHOWN_MAX = 100;
