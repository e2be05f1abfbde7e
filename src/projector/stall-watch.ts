/**
 * Notices a projection that makes no progress though there is something to do, whichever process should do it and
 * whatever holds it up: readiness, a metric and the log say so, with the position and, where this process knows it,
 * the reason.
 */
import { Poller } from "../database/poller.ts";
import type { Queryable } from "../database/queryable.ts";
import { selectOldestAfter } from "../inbox/inbox-table.ts";
import type { Logger } from "../telemetry/logger.ts";
import { selectCheckpoint } from "./checkpoints-table.ts";

export type StallWatchOptions = Readonly<{
  database: Queryable;
  domain: string;
  logger: Logger;
  /** Why this process's own projector failed last, while it has not succeeded since. */
  reason: () => string | undefined;
}>;

export class StallWatch {
  readonly #options: StallWatchOptions;
  #checkpoint: bigint | undefined;
  /** Since when there has been work and no progress. */
  #since: number | undefined;
  #next: bigint | undefined;
  #isReported = false;
  readonly #poller = new Poller(INTERVAL_MS, () => this.#look());

  constructor(options: StallWatchOptions) {
    this.#options = options;
  }

  start(): void {
    this.#poller.start();
  }

  stop(): void {
    this.#poller.stop();
  }

  /** How long the projection has stood still with work before it, 0 where it has not. */
  get seconds(): number {
    return this.#since === undefined ? 0 : (performance.now() - this.#since) / 1000;
  }

  /** Where it stands still for longer than a projection may: the position that is next. */
  get stalledAt(): bigint | undefined {
    return this.seconds >= STALLED_SECONDS ? this.#next : undefined;
  }

  async #look(): Promise<void> {
    const { database, domain } = this.#options;
    try {
      const { position } = await selectCheckpoint(database, domain);
      const oldest = await selectOldestAfter(database, domain, position);
      if (oldest === undefined || position !== this.#checkpoint) this.#since = undefined;
      if (oldest !== undefined) this.#since ??= performance.now();
      this.#next = oldest?.position;
      this.#checkpoint = position;
      this.#report();
    } catch {
      // A database that does not answer is reported as that.
    }
  }

  #report(): void {
    const { domain, logger, reason } = this.#options;
    const position = this.stalledAt;
    if (position !== undefined && !this.#isReported) {
      logger.error(
        {
          domain,
          position: String(position),
          seconds: Math.round(this.seconds),
          reason: reason() ?? "unknown",
        },
        "the projection makes no progress",
      );
    }
    if (position === undefined && this.#isReported) logger.info({ domain }, "the projection goes on");
    this.#isReported = position !== undefined;
  }
}

const INTERVAL_MS = 1_000;

/** A batch takes a tenth of a second, and a retry comes within five. */
const STALLED_SECONDS = 10;
