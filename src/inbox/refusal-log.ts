/**
 * Logs that an inbox refuses messages for lack of room: once at the start, and once at the end with a count. Brokers
 * redeliver them, but the log should say why they arrive late.
 */
import type { Message } from "../contract/message.ts";
import type { Logger } from "../telemetry/logger.ts";

export type RefusalLogOptions = Readonly<{
  hasRoom: () => boolean;
  /** Why the last append failed. */
  failure: () => string | undefined;
  logger: Logger;
  /** Refusing ends after this time without a refusal. */
  quietMilliseconds?: number;
}>;

export class RefusalLog {
  readonly #options: RefusalLogOptions;
  #begunAt = 0;
  #lastAt = 0;
  /** By source and channel. */
  readonly #counts = new Map<string, number>();
  #timer: NodeJS.Timeout | undefined;

  constructor(options: RefusalLogOptions) {
    this.#options = options;
  }

  get isRefusing(): boolean {
    return this.#timer !== undefined;
  }

  refused({ source, channel }: Message): void {
    this.#lastAt = performance.now();
    if (this.#timer === undefined) this.#begin(source, channel);
    const key = `${source} ${channel}`;
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1);
  }

  /** So that the count is not lost at shutdown. */
  close(): void {
    if (this.#timer !== undefined) this.#end();
  }

  #begin(source: string, channel: string): void {
    const { logger, failure, quietMilliseconds = QUIET_MS } = this.#options;
    this.#begunAt = this.#lastAt;
    const reason = failure();
    logger.warn(
      { source, channel, ...(reason === undefined ? {} : { reason }) },
      "the inbox is full and refuses messages until there is room; their source redelivers them",
    );
    this.#timer = setInterval(() => {
      const isQuiet = performance.now() - this.#lastAt >= quietMilliseconds;
      if (isQuiet && this.#options.hasRoom()) this.#end();
    }, quietMilliseconds / 2);
    this.#timer.unref();
  }

  #end(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    const seconds = Math.round((this.#lastAt - this.#begunAt) / 1000);
    const refused = Object.fromEntries(this.#counts);
    this.#counts.clear();
    const count = Object.values(refused).reduce((sum, refusals) => sum + refusals, 0);
    this.#options.logger.warn({ count, refused, seconds }, "the inbox accepts messages again");
  }
}

/**
 * After a burst NATS Streaming redelivers within a second, and each redelivery may be refused again; that is one event.
 */
const QUIET_MS = 10_000;
