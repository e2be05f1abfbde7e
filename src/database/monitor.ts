/** Whether the database answers right now, asked at a steady pace; readiness and a metric show it. */
import type pg from "pg";

export class DatabaseMonitor {
  readonly #pool: pg.Pool;
  #answeredAt = Number.NEGATIVE_INFINITY;
  #isAsking = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(pool: pg.Pool) {
    this.#pool = pool;
  }

  get isConnected(): boolean {
    return performance.now() - this.#answeredAt < ANSWER_AGE_MAX_MS;
  }

  start(): void {
    this.#timer = setInterval(() => void this.#ask(), INTERVAL_MS);
    void this.#ask();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  async #ask(): Promise<void> {
    // A database that hangs is not asked again before it has answered: questions would only pile up.
    if (this.#isAsking) return;
    this.#isAsking = true;
    try {
      await this.#pool.query("select 1");
      this.#answeredAt = performance.now();
    } catch {
      this.#answeredAt = Number.NEGATIVE_INFINITY;
    } finally {
      this.#isAsking = false;
    }
  }
}

const INTERVAL_MS = 1_000;

/** A database that has not answered the smallest question for this long is away, as far as anybody can tell. */
const ANSWER_AGE_MAX_MS = 3_000;
