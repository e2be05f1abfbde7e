/**
 * A source that operators can pause. A paused source is closed after its buffered messages were acknowledged, so the
 * broker keeps all later messages and redelivers none of the earlier ones. To resume, a new source continues under the
 * same durable name, consumer or group.
 */
import type { Health, Sink, SkippedRange, Source } from "../../contract/source.ts";
import type { Logger } from "../../telemetry/logger.ts";

export type PausableOptions = Readonly<{
  domain: string;
  /** Called for each run. */
  create: () => Source;
  logger: Logger;
}>;

export class PausableSource implements Source {
  readonly name: string;
  readonly channel: string;
  readonly #options: PausableOptions;
  /** Undefined while paused. */
  #source: Source | undefined;
  #inbox: Sink | undefined;
  #isPaused = false;
  #isStopped = false;
  #changing: Promise<void> | undefined;

  constructor(options: PausableOptions) {
    this.#options = options;
    this.#source = options.create();
    this.name = this.#source.name;
    this.channel = this.#source.channel;
  }

  get health(): Health {
    return this.#source?.health ?? { connected: false, reason: "paused by an operator" };
  }

  get lag(): number | undefined {
    return this.#source?.lag;
  }

  /** Set from the operator's decision on, before the last message is acknowledged. */
  get isPaused(): boolean {
    return this.#isPaused;
  }

  /** The newest call wins. */
  setPaused(isPaused: boolean): void {
    this.#isPaused = isPaused;
    this.#source?.setPaused?.(isPaused);
    this.#changing ??= this.#change().finally(() => {
      this.#changing = undefined;
    });
  }

  readSkipped(range: SkippedRange): Promise<number> | undefined {
    return this.#source?.readSkipped?.(range);
  }

  start(inbox: Sink): void {
    this.#inbox = inbox;
    if (this.#isPaused) this.#source = undefined;
    else this.#source?.start(inbox);
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#source?.stop();
  }

  async close(): Promise<void> {
    await this.stop();
    await this.#changing;
    await this.#source?.close();
  }

  async #change(): Promise<void> {
    while (this.#inbox && !this.#isStopped && this.#isPaused !== (this.#source === undefined)) {
      if (this.#source) await this.#pause(this.#source, this.#inbox);
      else this.#resume(this.#inbox);
    }
  }

  async #pause(source: Source, inbox: Sink): Promise<void> {
    const { domain, logger } = this.#options;
    await source.stop();
    await inbox.settled(source.name, SETTLE_SECONDS);
    await source.close();
    this.#source = undefined;
    logger.info({ domain, source: this.name, channel: this.channel }, "source paused by an operator");
  }

  #resume(inbox: Sink): void {
    const { domain, create, logger } = this.#options;
    this.#source = create();
    this.#source.setPaused?.(false);
    this.#source.start(inbox);
    logger.info({ domain, source: this.name, channel: this.channel }, "source resumed by an operator");
  }
}

/** Brokers redeliver what is not stored by then, and the inbox recognises the copies. */
const SETTLE_SECONDS = 30;
