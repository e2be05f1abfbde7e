/**
 * How much was received and what became of it, at a cost that does not grow with the tables. The totals of the
 * outcomes stand in the checkpoint. What was received is counted on from where the last look ended, which is exact
 * because positions are committed in their order.
 */
import type { Queryable } from "../database/queryable.ts";
import { countAfter, selectOldestAfter } from "../inbox/inbox-table.ts";
import { selectCheckpoint } from "./checkpoints-table.ts";

export type Counts = Readonly<{
  received: bigint;
  projected: bigint;
  duplicate: bigint;
  dead: bigint;
  pending: bigint;
}>;

export class Statistics {
  readonly #database: Queryable;
  readonly #domain: string;
  #head: bigint | undefined;
  #received = 0n;
  #running: Promise<Counts> | undefined;

  constructor(database: Queryable, domain: string) {
    this.#database = database;
    this.#domain = domain;
  }

  /** The counts now. Whoever asks while they are being read gets the same ones. */
  counts(): Promise<Counts> {
    this.#running ??= this.#read().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  /** Seconds since the oldest pending position arrived, 0 where none is pending. */
  async oldestPendingSeconds(): Promise<number> {
    const { position } = await selectCheckpoint(this.#database, this.#domain);
    const oldest = await selectOldestAfter(this.#database, this.#domain, position);
    return oldest ? Math.max(0, (Date.now() - oldest.receivedAt.getTime()) / 1000) : 0;
  }

  async #read(): Promise<Counts> {
    // The checkpoint first: what it has settled is in the inbox by then, so pending is never negative.
    const checkpoint = await selectCheckpoint(this.#database, this.#domain);
    const { projected, duplicate, dead } = checkpoint;
    const settled = projected + duplicate + dead;
    if (this.#head === undefined) {
      this.#head = checkpoint.position;
      this.#received = settled;
    }
    const { count, head } = await countAfter(this.#database, this.#domain, this.#head);
    this.#head = head;
    this.#received += count;
    return { received: this.#received, projected, duplicate, dead, pending: this.#received - settled };
  }
}
