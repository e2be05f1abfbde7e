/** Notices that a projection was replaced as a whole, so that what a process holds of the old one can go. */
import { Poller } from "../database/poller.ts";
import type { Queryable } from "../database/queryable.ts";
import { selectCheckpoint } from "./checkpoints-table.ts";

export class RebuildWatch {
  readonly #database: Queryable;
  readonly #domain: string;
  readonly #onRebuilt: () => void;
  #generation: bigint | undefined;
  readonly #poller = new Poller(INTERVAL_MS, () => this.#ask());

  constructor(database: Queryable, domain: string, onRebuilt: () => void) {
    this.#database = database;
    this.#domain = domain;
    this.#onRebuilt = onRebuilt;
  }

  start(): void {
    this.#poller.start();
  }

  stop(): void {
    this.#poller.stop();
  }

  async #ask(): Promise<void> {
    try {
      const { generation } = await selectCheckpoint(this.#database, this.#domain);
      if (this.#generation !== undefined && generation !== this.#generation) this.#onRebuilt();
      this.#generation = generation;
    } catch {
      // Without the database nobody can have replaced anything that this process could see.
    }
  }
}

/** So long after a rebuild may an old row still be served. */
const INTERVAL_MS = 1_000;
