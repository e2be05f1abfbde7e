/**
 * How many traces may begin in a second, whatever the sampler says. A span costs several times what an answer from memory
 * or a message in a full batch does; without a bound, tracing would be dearest just when there is most to do, and what the
 * exporter's queue cannot hold is lost span by span, which leaves traces with holes.
 */
export class TraceLimit {
  readonly #perSecond: number;
  /** In the second that began with the first of them. */
  #begun = 0;

  constructor(perSecond: number) {
    this.#perSecond = perSecond;
  }

  /** Asked of every message, so it is no more than a comparison; looking at a clock would cost as much as sampling. */
  hasRoom(): boolean {
    return this.#begun < this.#perSecond;
  }

  /** Counts one that begins. */
  take(): void {
    if (this.#begun === 0) {
      setTimeout(() => {
        this.#begun = 0;
      }, 1_000).unref();
    }
    this.#begun += 1;
  }
}
