/**
 * Bounds the traces that begin in a second, at any sampling ratio. A span costs several times a cached answer. Without
 * a bound the exporter's queue would drop single spans under load, which leaves incomplete traces.
 */
export class TraceLimit {
  readonly #perSecond: number;
  /** In the second that began with the first trace. */
  #begun = 0;

  constructor(perSecond: number) {
    this.#perSecond = perSecond;
  }

  /** Called for every message; reading a clock would cost as much as sampling. */
  hasRoom(): boolean {
    return this.#begun < this.#perSecond;
  }

  take(): void {
    if (this.#begun === 0) {
      setTimeout(() => {
        this.#begun = 0;
      }, 1_000).unref();
    }
    this.#begun += 1;
  }
}
