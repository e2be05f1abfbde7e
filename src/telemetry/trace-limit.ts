/**
 * Bounds the traces that begin in a second, at any sampling ratio. A span costs several times a cached answer or
 * a message in a full batch. Without a bound tracing would cost most under the highest load, and the exporter's queue
 * would drop single spans, which leaves incomplete traces.
 */
export class TraceLimit {
  readonly #perSecond: number;
  /** In the current second, which began with the first trace. */
  #begun = 0;

  constructor(perSecond: number) {
    this.#perSecond = perSecond;
  }

  /** Called for every message, so it only compares; reading a clock would cost as much as sampling. */
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
