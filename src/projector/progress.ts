/** Lets callers wait until a position has its outcome, whether this process projects it or another. */
import type { Queryable } from "../database/queryable.ts";
import { selectCheckpoint } from "./checkpoints-table.ts";

export class Progress {
  readonly #waiting = new Set<{ domain: string; position: bigint; resolve: () => void }>();

  /** To be called with each new checkpoint of this process. */
  advanced(domain: string, checkpoint: bigint): void {
    for (const waiter of this.#waiting) {
      if (waiter.domain === domain && waiter.position <= checkpoint) waiter.resolve();
    }
  }

  /** Resolves when the position is processed or the signal aborts, whichever comes first. */
  async wait(database: Queryable, domain: string, position: bigint, signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const waiter = { domain, position, resolve };
    this.#waiting.add(waiter);
    signal.addEventListener("abort", () => resolve(), { once: true });
    // Another process may be the one that projects it; that is only to be seen in the table.
    const poll = setInterval(() => {
      selectCheckpoint(database, domain).then(
        (checkpoint) => checkpoint.position >= position && resolve(),
        () => {},
      );
    }, POLL_MS);
    try {
      if (signal.aborted) return;
      const checkpoint = await selectCheckpoint(database, domain);
      if (checkpoint.position < position) await promise;
    } finally {
      clearInterval(poll);
      this.#waiting.delete(waiter);
    }
  }
}

const POLL_MS = 500;
