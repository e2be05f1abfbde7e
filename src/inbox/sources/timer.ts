/**
 * The timer of one domain: appends one tick a second while something in the domain's tables is due. A tick is a
 * message, so a rebuild acts at the same time. The second is the message id, so several processes together make one row
 * a second. An uncommitted tick is offered again each second.
 */
import type { Message } from "../../contract/message.ts";
import type { Health, Sink, Source } from "../../contract/source.ts";
import type { Logger } from "../../telemetry/logger.ts";
import { type Clock, keepConnected, SYSTEM_CLOCK } from "./keep-connected.ts";

export type TimerOptions = Readonly<{
  /** The domain's name. */
  channel: string;
  /**
   * The earliest due time, past ones included; undefined if there is none. Called once a second, so it must be an
   * indexed query. A rejection is logged and retried.
   */
  nextDueAt: () => Promise<Date | undefined>;
  /** Makes everything due at or before `second` happen. */
  payloadOf: (second: Date) => Buffer;
  logger: Logger;
  /** `now` in milliseconds since the Unix epoch. */
  clock?: Clock;
}>;

export class TimerSource implements Source {
  readonly name = "timer";
  readonly channel: string;
  readonly #options: TimerOptions;
  readonly #clock: Clock;
  readonly #stop = new AbortController();
  #health: Health = { connected: false, reason: "not started yet" };
  #running: Promise<void> = Promise.resolve();
  #pending: Message | undefined;

  constructor(options: TimerOptions) {
    this.#options = options;
    this.#clock = options.clock ?? { ...SYSTEM_CLOCK, now: Date.now };
    this.channel = options.channel;
  }

  get health(): Health {
    return this.#health;
  }

  start(inbox: Sink): void {
    this.#running = keepConnected((onConnected) => this.#run(inbox, onConnected), {
      source: this.name,
      channel: this.channel,
      signal: this.#stop.signal,
      logger: this.#options.logger,
      clock: this.#clock,
      backoff: () => this.#untilNextSecond(),
      onState: (health) => {
        this.#health = health;
      },
    });
  }

  async stop(): Promise<void> {
    this.#stop.abort();
  }

  async close(): Promise<void> {
    await this.stop();
    await this.#running;
  }

  /** @throws if the query for due times fails. */
  async #run(inbox: Sink, onConnected: () => void): Promise<void> {
    const { signal } = this.#stop;
    for (let asked = 0; !signal.aborted; asked++) {
      this.#pending ??= await this.#nextTick();
      if (asked === 0) onConnected();
      // The source may have stopped during the query.
      if (this.#pending && !signal.aborted) this.#offer(inbox, this.#pending);
      await this.#clock.wait(this.#untilNextSecond(), signal);
    }
  }

  async #nextTick(): Promise<Message | undefined> {
    const dueAt = await this.#options.nextDueAt();
    // Not the due second: a due time may be written after its second's tick.
    const second = Math.floor(this.#clock.now() / SECOND_MS) * SECOND_MS;
    if (dueAt === undefined || dueAt.getTime() > second) return undefined;
    const tickAt = new Date(second);
    return {
      source: this.name,
      channel: this.channel,
      messageId: tickAt.toISOString(),
      payload: this.#options.payloadOf(tickAt),
      publishedAtMs: second,
    };
  }

  /** A full inbox refuses the tick, and a copy replaces a buffered one. */
  #offer(inbox: Sink, tick: Message): void {
    inbox.offer(tick, () => {
      if (this.#pending === tick) this.#pending = undefined;
    });
  }

  #untilNextSecond(): number {
    return SECOND_MS - (this.#clock.now() % SECOND_MS);
  }
}

/** One query a second for each process, and at most one row. */
const SECOND_MS = 1_000;
