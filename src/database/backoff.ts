/**
 * How long to wait before the next attempt: doubling, capped, and with full jitter, so that processes that failed
 * together do not come back together.
 * Source: "Exponential Backoff and Jitter", AWS Architecture Blog, 2015.
 * @param attempt 0 for the first failure.
 */
export function backoffMilliseconds(attempt: number, random: () => number = Math.random): number {
  const ceiling = Math.min(LONGEST_MS, SHORTEST_MS * 2 ** Math.min(attempt, 20));
  return SHORTEST_MS + random() * (ceiling - SHORTEST_MS);
}

const SHORTEST_MS = 50;

/** A person who brings a database or a broker back sees the service follow within this time. */
const LONGEST_MS = 5_000;
