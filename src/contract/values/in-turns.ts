/** Splits long synchronous work into turns of the event loop, so that the process keeps answering. */
import { setImmediate } from "node:timers/promises";

export async function mapInTurns<T, R>(items: readonly T[], map: (item: T) => R): Promise<R[]> {
  const results: R[] = [];
  const turn = new Turn();
  for (const item of items) {
    if (turn.isOver) await turn.next();
    results.push(map(item));
  }
  return results;
}

export class Turn {
  #endsAt = performance.now() + TURN_MS;

  get isOver(): boolean {
    return performance.now() > this.#endsAt;
  }

  async next(): Promise<void> {
    await setImmediate();
    this.#endsAt = performance.now() + TURN_MS;
  }
}

/** More than a full batch takes, and short enough for waiting requests. */
const TURN_MS = 10;
