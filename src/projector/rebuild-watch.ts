/** Notices that a projection was replaced as a whole, so that what a process holds of the old one can go. */
import type { Queryable } from "../database/pool.ts";
import { selectCheckpoint } from "./checkpoints-table.ts";

export class RebuildWatch {
  readonly #database: Queryable;
  readonly #domain: string;
  readonly #onRebuilt: () => void;
  #generation: bigint | undefined;
  #isAsking = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(database: Queryable, domain: string, onRebuilt: () => void) {
    this.#database = database;
    this.#domain = domain;
    this.#onRebuilt = onRebuilt;
  }

  start(): void {
    this.#timer = setInterval(() => void this.#ask(), INTERVAL_MS);
    void this.#ask();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  async #ask(): Promise<void> {
    if (this.#isAsking) return;
    this.#isAsking = true;
    try {
      const { generation } = await selectCheckpoint(this.#database, this.#domain);
      if (this.#generation !== undefined && generation !== this.#generation) this.#onRebuilt();
      this.#generation = generation;
    } catch {
      // Without the database nobody can have replaced anything that this process could see.
    } finally {
      this.#isAsking = false;
    }
  }
}

/** So long after a rebuild may an old row still be served. */
const INTERVAL_MS = 1_000;
