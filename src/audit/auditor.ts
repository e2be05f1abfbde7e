/** Audits on demand and at an interval, one audit at a time. */
import { setTimeout as delay } from "node:timers/promises";
import type { Database } from "../database/database.ts";
import type { Logger } from "../telemetry/logger.ts";
import { type AuditedDomain, type AuditOptions, type AuditReport, audit } from "./audit.ts";

type GapOptions = Omit<AuditOptions, "isFull">;

export class Auditor {
  readonly #database: Database;
  readonly #domains: readonly AuditedDomain[];
  readonly #onAudited: (report: AuditReport) => void;
  readonly #gaps: GapOptions;
  #running: Promise<AuditReport> | undefined;
  /** On the monotonic clock. */
  #lastAtMs: number | undefined;
  #last: AuditReport | undefined;

  constructor(
    database: Database,
    domains: readonly AuditedDomain[],
    onAudited: (report: AuditReport) => void,
    gaps: GapOptions = {},
  ) {
    this.#database = database;
    this.#domains = domains;
    this.#onAudited = onAudited;
    this.#gaps = gaps;
  }

  /** Undefined before the first audit. */
  get ageSeconds(): number | undefined {
    return this.#lastAtMs === undefined ? undefined : (performance.now() - this.#lastAtMs) / 1000;
  }

  /** Violations in the last audit; 0 before the first. */
  brokenOf(domain: string): bigint {
    const found = this.#last?.domains[domain];
    if (!found) return 0n;
    return [...found.checks.values()].reduce((sum, check) => sum + check.broken, found.broken);
  }

  /** Concurrent callers share the running audit. */
  async run(isFull = false): Promise<AuditReport> {
    // A full audit must not share an incremental one.
    while (isFull && this.#running) await this.#running.catch(() => {});
    this.#running ??= this.#audit(isFull).finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  /** Until the signal aborts. */
  async runEvery(intervalSeconds: number, signal: AbortSignal, logger: Logger): Promise<void> {
    while (!signal.aborted) {
      await this.run().then(
        ({ holds }) => holds || logger.error("the audit found violations: see GET /audit"),
        (error: unknown) => logger.warn({ error: String(error) }, "an audit failed"),
      );
      await delay(intervalSeconds * 1000, undefined, { signal }).catch(() => {});
    }
  }

  async #audit(isFull: boolean): Promise<AuditReport> {
    const report = await audit(this.#database, this.#domains, { isFull, ...this.#gaps });
    this.#lastAtMs = performance.now();
    this.#last = report;
    this.#onAudited(report);
    return report;
  }
}
