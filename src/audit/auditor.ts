/** Audits on demand and at an interval, and keeps the metrics of the last one. */
import { setTimeout as delay } from "node:timers/promises";
import type { Domain } from "../contract/domain.ts";
import type { Database } from "../database/database.ts";
import type { Logger } from "../telemetry/logger.ts";
import type { Metrics } from "../watch/metrics.ts";
import { type AuditGap, type AuditReport, audit } from "./audit.ts";
import { missingIn } from "./numbering.ts";

export class Auditor {
  readonly #database: Database;
  readonly #domains: readonly Domain[];
  readonly #metrics: Metrics;
  #running: Promise<AuditReport> | undefined;
  #lastAt: number | undefined;
  #gapLabels: readonly { source: string; channel: string }[] = [];

  constructor(database: Database, domains: readonly Domain[], metrics: Metrics) {
    this.#database = database;
    this.#domains = domains;
    this.#metrics = metrics;
  }

  /**
   * Whoever asks while one runs gets its result.
   * @param isFull reads everything, whatever was proved before.
   */
  async run(isFull = false): Promise<AuditReport> {
    // One that reads everything is not what another one would have found.
    while (isFull && this.#running) await this.#running.catch(() => {});
    this.#running ??= this.#audit(isFull).finally(() => {
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

  async #audit(isFull: boolean): Promise<AuditReport> {
    const report = await audit(this.#database, this.#domains, { isFull });
    this.#lastAt = Date.now();
    const { storage, domains } = report;
    for (const [table, bytes] of storage.tables) this.#metrics.tableBytes.set({ table }, Number(bytes));
    if (storage.bytesPerDay !== undefined) this.#metrics.storageBytesPerDay.set(storage.bytesPerDay);
    for (const [domain, { broken, gaps, messagesPerDay }] of Object.entries(domains)) {
      this.#metrics.auditDiscrepancies.set({ domain }, Number(broken));
      if (messagesPerDay !== undefined) this.#metrics.messagesPerDay.set({ domain }, messagesPerDay);
      this.#showGaps(gaps);
    }
    return report;
  }

  #showGaps(gaps: readonly AuditGap[]): void {
    // What came after all is counted no more, and a zero stays a zero.
    for (const labels of this.#gapLabels) this.#metrics.gapMessages.set(labels, 0);
    this.#gapLabels = gaps.map(({ source, channel }) => ({ source, channel }));
    for (const { source, channel, from, to } of gaps) {
      this.#metrics.gapMessages.inc({ source, channel }, Number(missingIn({ from, to })));
    }
  }
}
