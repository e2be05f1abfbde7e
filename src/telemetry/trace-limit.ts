/**
 * How many traces may begin in a second, whatever the sampler says. A span costs several times what an answer from memory
 * or a message in a full batch does; without a bound, tracing would be dearest just when there is most to do, and what the
 * exporter's queue cannot hold is lost span by span, which leaves traces with holes.
 */
export class TraceLimit {
  readonly #perSecond: number;
  #begun = 0;
  /** The second that they are counted for, looked at only where that matters. */
  #second = 0;

  constructor(perSecond: number) {
    this.#perSecond = perSecond;
  }

  hasRoom(): boolean {
    if (this.#begun < this.#perSecond) return true;
    const second = Math.floor(performance.now() / 1000);
    if (second === this.#second) return false;
    this.#second = second;
    this.#begun = 0;
    return true;
  }

  /** Counts one that begins. */
  take(): void {
    this.#begun += 1;
  }
}
