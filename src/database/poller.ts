/** Runs a query at an interval, but never twice at once: queries would pile up in a database that hangs. */
export class Poller {
  readonly #intervalMs: number;
  readonly #ask: () => Promise<void>;
  #isAsking = false;
  #timer: NodeJS.Timeout | undefined;

  /** @param ask must not throw. */
  constructor(intervalMs: number, ask: () => Promise<void>) {
    this.#intervalMs = intervalMs;
    this.#ask = ask;
  }

  start(): void {
    this.#timer = setInterval(() => void this.#askOnce(), this.#intervalMs);
    void this.#askOnce();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  async #askOnce(): Promise<void> {
    if (this.#isAsking) return;
    this.#isAsking = true;
    await this.#ask();
    this.#isAsking = false;
  }
}
