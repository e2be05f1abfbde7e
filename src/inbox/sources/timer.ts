/**
 * The timer of one domain: while something in the domain's tables is due, it appends one tick a second. A tick is an
 * ordinary message, so the domain acts at a time that stands in the inbox, and a rebuild acts at the same time. Several
 * processes may run the same timer: the second is the message id, which is unique in the inbox, so they make one row a
 * second together. A tick that is not committed is offered again each second; until then no other tick is made.
 */
import type { Message } from "../../contract/message.ts";
import type { Health, Sink, Source } from "../../contract/source.ts";
import type { Logger } from "../../telemetry/logger.ts";
import { type Clock, keepConnected, SYSTEM_CLOCK } from "./keep-connected.ts";

export type TimerOptions = Readonly<{
  /** The domain's name. */
  channel: string;
  /**
   * The earliest time at which something in the domain's tables is due, past times included; undefined: there is
   * nothing to wait for. Asked once a second, so it must be an indexed query. A rejection is logged and retried.
   */
  nextDueAt: () => Promise<Date | undefined>;
  /** The payload of a tick. Everything that is due at `second` or before it is to be done. */
  payloadOf: (second: Date) => Buffer;
  logger: Logger;
  /** Time, for tests: `now` in milliseconds since the Unix epoch. */
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
  /** The tick that was made and is not committed. */
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

  /** Ticks until the source stops. @throws if the database cannot be asked what is due. */
  async #run(inbox: Sink, onConnected: () => void): Promise<void> {
    const { signal } = this.#stop;
    for (let asked = 0; !signal.aborted; asked++) {
      this.#pending ??= await this.#nextTick();
      if (asked === 0) onConnected();
      // The query took its time; after a stop nothing more may be offered.
      if (this.#pending && !signal.aborted) this.#offer(inbox, this.#pending);
      await this.#clock.wait(this.#untilNextSecond(), signal);
    }
  }

  /** The tick of the current second, if something is due in it. */
  async #nextTick(): Promise<Message | undefined> {
    const dueAt = await this.#options.nextDueAt();
    // The current second, and not the due one: a due time may be written after the tick of its second.
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

  /** A full inbox refuses the tick, and a buffered one is replaced by its copy, so it may be offered at any time. */
  #offer(inbox: Sink, tick: Message): void {
    inbox.offer(tick, () => {
      if (this.#pending === tick) this.#pending = undefined;
    });
  }

  #untilNextSecond(): number {
    return SECOND_MS - (this.#clock.now() % SECOND_MS);
  }
}

/** The step of the timer: one query a second for each process, and at most one row. */
const SECOND_MS = 1_000;
