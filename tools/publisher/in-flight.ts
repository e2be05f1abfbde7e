/**
 * Bounds the messages in flight. `Promise.race` would not do: each call adds a reaction to every pending promise, so the
 * work grows with the square of the bound.
 */
export class InFlight {
  readonly #max: number;
  #pending = 0;
  #failed: { error: unknown } | undefined;
  #changed = Promise.withResolvers<void>();

  constructor(max: number) {
    this.#max = max;
  }

  /** Resolves when there is room for another. @throws the first failure of any. */
  async add(work: Promise<unknown>): Promise<void> {
    this.#pending += 1;
    work.then(
      () => this.#end(),
      (error: unknown) => {
        this.#failed ??= { error };
        this.#end();
      },
    );
    while (this.#pending >= this.#max) await this.#changed.promise;
    if (this.#failed) throw this.#failed.error;
  }

  /** Resolves when none is in flight. @throws the first failure of any. */
  async settled(): Promise<void> {
    while (this.#pending > 0) await this.#changed.promise;
    if (this.#failed) throw this.#failed.error;
  }

  #end(): void {
    this.#pending -= 1;
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }
}
