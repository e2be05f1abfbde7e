/** Asks the database every second whether it answers. */
import type { Database } from "./database.ts";
import { Poller } from "./poller.ts";

export class DatabaseMonitor {
  readonly #database: Database;
  readonly #onAnswer: (seconds: number) => void;
  #answeredAt = Number.NEGATIVE_INFINITY;
  readonly #poller = new Poller(INTERVAL_MS, () => this.#ask());

  constructor(database: Database, onAnswer: (seconds: number) => void) {
    this.#database = database;
    this.#onAnswer = onAnswer;
  }

  get isConnected(): boolean {
    return performance.now() - this.#answeredAt < ANSWER_AGE_MAX_MS;
  }

  start(): void {
    this.#poller.start();
  }

  stop(): void {
    this.#poller.stop();
  }

  async #ask(): Promise<void> {
    const begun = performance.now();
    try {
      await this.#database.query("select 1");
      this.#answeredAt = performance.now();
      this.#onAnswer((this.#answeredAt - begun) / 1000);
    } catch {
      this.#answeredAt = Number.NEGATIVE_INFINITY;
    }
  }
}

const INTERVAL_MS = 1_000;

/** Three missed answers. */
const ANSWER_AGE_MAX_MS = 3_000;
