/**
 * Says in the log that an inbox refuses messages for lack of room: one warning when refusing begins, and one when it has
 * ended, with how many messages were refused. A broker redelivers them, so nothing is lost; but what arrives late, and
 * why, would otherwise be seen in a metric alone.
 */
import type { Message } from "../contract/message.ts";
import type { Logger } from "../telemetry/logger.ts";

export type RefusalLogOptions = Readonly<{
  /** Whether there is room again. */
  hasRoom: () => boolean;
  /** Why the last append failed, if it did. */
  failure: () => string | undefined;
  logger: Logger;
  /** Milliseconds without a refusal after which refusing has ended. */
  quietMilliseconds?: number;
}>;

export class RefusalLog {
  readonly #options: RefusalLogOptions;
  #begunAt = 0;
  #lastAt = 0;
  /** Refused messages by source and channel, since refusing began. */
  readonly #counts = new Map<string, number>();
  #timer: NodeJS.Timeout | undefined;

  constructor(options: RefusalLogOptions) {
    this.#options = options;
  }

  /** Whether messages were refused some seconds ago or less. */
  get isRefusing(): boolean {
    return this.#timer !== undefined;
  }

  /** Call it for each message that was refused for lack of room. */
  refused({ source, channel }: Message): void {
    this.#lastAt = performance.now();
    if (this.#timer === undefined) this.#begin(source, channel);
    const key = `${source} ${channel}`;
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1);
  }

  /** Ends it at shutdown, so that the number is not lost. */
  close(): void {
    if (this.#timer !== undefined) this.#end();
  }

  #begin(source: string, channel: string): void {
    const { logger, failure, quietMilliseconds = QUIET_MS } = this.#options;
    this.#begunAt = this.#lastAt;
    const reason = failure();
    logger.warn(
      { source, channel, ...(reason === undefined ? {} : { reason }) },
      "the inbox is full: messages are refused until there is room, and their source redelivers them",
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
    const count = Object.values(refused).reduce((sum, one) => sum + one, 0);
    this.#options.logger.warn({ count, refused, seconds }, "the inbox refuses no messages any more");
  }
}

/**
 * A burst at NATS Streaming fills the inbox many times: each redelivery may be refused again within a second. They are
 * one event, which ends when there was none for that time.
 */
const QUIET_MS = 10_000;
