/** Works through a batch in turns of some milliseconds, and lets the process answer others in between. */
import { setImmediate } from "node:timers/promises";

/** `items.map(map)`, in several turns of the event loop if it takes long. The results do not depend on the turns. */
export async function mapInTurns<T, R>(items: readonly T[], map: (item: T) => R): Promise<R[]> {
  const results: R[] = [];
  let turnEnds = performance.now() + TURN_MS;
  for (const item of items) {
    if (performance.now() > turnEnds) {
      await setImmediate();
      turnEnds = performance.now() + TURN_MS;
    }
    results.push(map(item));
  }
  return results;
}

/** Longer than a full batch of ordinary messages takes, and short enough for a request that waits. */
const TURN_MS = 10;
