/**
 * Tells a webhook of alerts: reads the conditions every few seconds, detects what fires, and delivers one message at a
 * time. Nothing else waits for it. A message is delivered at least once: after a crash another process sends it again
 * under the same id.
 */
import { backoffMilliseconds } from "../database/backoff.ts";
import { Poller } from "../database/poller.ts";
import type { Logger } from "../telemetry/logger.ts";
import { detect, firingIn, NOTHING_TRACKED, type Reading } from "./detector.ts";
import type { Ledger } from "./ledger.ts";
import { sendNotice, type WebhookOptions } from "./webhook.ts";

export type NotifierOptions = Readonly<{
  webhook: WebhookOptions;
  /** Must not throw. */
  read: () => Promise<Reading>;
  /** For alerts about the database. */
  memory: Ledger;
  /** For all other alerts. */
  table: Ledger;
  onSent: () => void;
  onFailed: () => void;
  logger: Logger;
  intervalMs?: number;
}>;

export class Notifier {
  readonly #options: NotifierOptions;
  readonly #poller: Poller;
  readonly #stop = new AbortController();
  #tracked = NOTHING_TRACKED;
  #delivering: Promise<void> | undefined;

  constructor(options: NotifierOptions) {
    this.#options = options;
    this.#poller = new Poller(options.intervalMs ?? INTERVAL_MS, () => this.#look());
  }

  start(): void {
    this.#poller.start();
  }

  /** Does not wait for a delivery: another process or the next start repeats it. */
  stop(): void {
    this.#poller.stop();
    this.#stop.abort();
  }

  async #look(): Promise<void> {
    const { read, memory, table, logger } = this.#options;
    const reading = await read();
    this.#tracked = detect(this.#tracked, reading);
    const firing = firingIn(this.#tracked);
    const isOfDatabase = ({ kind }: { kind: string }) => kind === "database_unavailable";
    await memory.report(firing.filter(isOfDatabase), []);
    // The database may be unavailable; the next look reports again.
    await table
      .report(
        firing.filter((alert) => !isOfDatabase(alert)),
        reading.young,
      )
      .catch((error: unknown) => logger.debug({ error: String(error) }, "alerts could not be stored"));
    this.#delivering ??= this.#deliver().finally(() => {
      this.#delivering = undefined;
    });
  }

  async #deliver(): Promise<void> {
    const { memory, table, logger } = this.#options;
    for (const ledger of [memory, table]) {
      try {
        while (await this.#deliverNext(ledger)) if (this.#stop.signal.aborted) return;
      } catch (error) {
        logger.debug({ error: String(error) }, "alerts cannot be read or settled now");
      }
    }
  }

  /** @returns whether there was one. */
  async #deliverNext(ledger: Ledger): Promise<boolean> {
    const { webhook, onSent, onFailed, logger } = this.#options;
    const claimed = await ledger.claim();
    if (!claimed) return false;
    const { id, alert, startedAt, endedAt, attempts } = claimed;
    const state = endedAt === null ? "firing" : "resolved";
    const notice = { id, alert, state, startedAt, endedAt } as const;
    const { isDelivered, isRetriable, result } = await sendNotice(webhook, notice, this.#stop.signal);
    if (this.#stop.signal.aborted && !isDelivered) return false;
    const context = { alert: alert.kind, labels: alert.labels, state, attempts, result };
    if (isDelivered) {
      onSent();
      logger.info(context, "the webhook was notified");
      await ledger.settle(claimed);
      return true;
    }
    onFailed();
    if (isRetriable && attempts < ATTEMPTS_MAX) {
      logger.warn(context, "the webhook could not be notified; retrying");
      await ledger.postpone(claimed, backoffMilliseconds(attempts) / 1000);
    } else {
      logger.error(context, "the webhook was not notified; giving up");
      await ledger.settle(claimed);
    }
    return true;
  }
}

const INTERVAL_MS = 5_000;

/** With the interval, about ten minutes; then the alert is old news. */
const ATTEMPTS_MAX = 100;
