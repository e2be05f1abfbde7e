/**
 * Doubling, capped, and with full jitter, so that processes which failed together do not retry together. Source:
 * "Exponential Backoff and Jitter", AWS Architecture Blog, 2015.
 * @param attempt 0 after the first failure.
 */
export function backoffMilliseconds(attempt: number, random: () => number = Math.random): number {
  const ceiling = Math.min(LONGEST_MS, SHORTEST_MS * 2 ** Math.min(attempt, 20));
  return SHORTEST_MS + random() * (ceiling - SHORTEST_MS);
}

const SHORTEST_MS = 50;

/** How soon the service reconnects after a repair. */
const LONGEST_MS = 5_000;
