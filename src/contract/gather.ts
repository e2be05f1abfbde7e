/**
 * Gathers lookups by id into queries of many ids, because a round trip costs more than its rows. A query takes the ids
 * of one turn of the event loop, and those that arrived while too many queries were in flight. If a query fails, all its
 * callers get its error.
 */
export type Lookup<Id, Found> = (ids: readonly Id[]) => Promise<ReadonlyMap<Id, Found>>;

export class Gatherer<Id, Found> {
  readonly #lookUp: Lookup<Id, Found>;
  readonly #isImmutable: boolean;
  readonly #waiting = new Map<Id, PromiseWithResolvers<Found | undefined>>();
  readonly #inFlight = new Map<Id, Promise<Found | undefined>>();
  #queries = 0;
  #isScheduled = false;

  /**
   * @param isImmutable whether values never change once found: then a caller also takes the value of a query in flight,
   * otherwise only that of a query which begins after the call.
   */
  constructor(lookUp: Lookup<Id, Found>, { isImmutable }: Readonly<{ isImmutable: boolean }>) {
    this.#lookUp = lookUp;
    this.#isImmutable = isImmutable;
  }

  find(id: Id): Promise<Found | undefined> {
    const inFlight = this.#isImmutable ? this.#inFlight.get(id) : undefined;
    // That query may have missed a value that was committed before this call, so an absence is looked up again.
    if (inFlight) return inFlight.then((found) => found ?? this.find(id));
    const waiting = this.#waiting.get(id) ?? Promise.withResolvers<Found | undefined>();
    this.#waiting.set(id, waiting);
    this.#schedule();
    return waiting.promise;
  }

  #schedule(): void {
    if (this.#isScheduled || this.#waiting.size === 0 || this.#queries >= QUERIES_MAX) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      this.#query(this.#takeBatch());
      this.#schedule();
    });
  }

  #takeBatch(): Map<Id, PromiseWithResolvers<Found | undefined>> {
    const batch = new Map([...this.#waiting].slice(0, IDS_MAX));
    for (const [id, { promise }] of batch) {
      this.#waiting.delete(id);
      this.#inFlight.set(id, promise);
    }
    return batch;
  }

  async #query(batch: ReadonlyMap<Id, PromiseWithResolvers<Found | undefined>>): Promise<void> {
    this.#queries += 1;
    try {
      const found = await this.#lookUp([...batch.keys()]);
      for (const [id, { resolve }] of batch) resolve(found.get(id));
    } catch (error) {
      for (const { reject } of batch.values()) reject(error);
    } finally {
      // Before any caller continues: it may ask for the id again.
      for (const id of batch.keys()) this.#inFlight.delete(id);
      this.#queries -= 1;
      this.#schedule();
    }
  }
}

/** One more lets PostgreSQL work while this process answers; many would only make smaller batches. */
const QUERIES_MAX = 2;

/** Bounds the memory of a result. */
const IDS_MAX = 100;
