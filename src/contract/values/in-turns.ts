/** Works through a batch in turns of some milliseconds, and lets the process answer others in between. */
import { setImmediate } from "node:timers/promises";

/** `items.map(map)`, in several turns of the event loop if it takes long. The results do not depend on the turns. */
export async function mapInTurns<T, R>(items: readonly T[], map: (item: T) => R): Promise<R[]> {
  const results: R[] = [];
  const turn = new Turn();
  for (const item of items) {
    if (turn.isOver) await turn.next();
    results.push(map(item));
  }
  return results;
}

/** A turn of the event loop, which begins when this is made. */
export class Turn {
  #endsAt = performance.now() + TURN_MS;

  get isOver(): boolean {
    return performance.now() > this.#endsAt;
  }

  /** Lets others be answered, and begins the next turn. */
  async next(): Promise<void> {
    await setImmediate();
    this.#endsAt = performance.now() + TURN_MS;
  }
}

/** Longer than a full batch of ordinary messages takes, and short enough for a request that waits. */
const TURN_MS = 10;
