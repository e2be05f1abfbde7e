/**
 * Tells every process which sources are paused. It reads the table once a second; if the database is unavailable, the
 * last known pauses stay in effect.
 */
import { Poller } from "../../database/poller.ts";
import type { Queryable } from "../../database/queryable.ts";
import { type Pause, selectPauses } from "./paused-sources-table.ts";

export type PauseWatchOptions = Readonly<{
  database: Queryable;
  domains: readonly string[];
  onRead: (pauses: readonly Pause[]) => void;
}>;

export class PauseWatch {
  readonly #options: PauseWatchOptions;
  readonly #poller = new Poller(INTERVAL_MS, () => this.read().catch(() => {}));

  constructor(options: PauseWatchOptions) {
    this.#options = options;
  }

  /** @throws DatabaseError */
  async read(): Promise<void> {
    const { database, domains, onRead } = this.#options;
    onRead(await selectPauses(database, domains));
  }

  start(): void {
    this.#poller.start();
  }

  stop(): void {
    this.#poller.stop();
  }
}

/** A minimal query, as often as the checkpoint is read. */
const INTERVAL_MS = 1_000;
