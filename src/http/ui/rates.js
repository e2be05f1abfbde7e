/** Rates and quantiles between two readings of counters. `at` is the time of a reading in seconds. */

/** Ignores null; null if no value is known. */
export function sum(values) {
  const known = values.filter((value) => value !== null);
  return known.length === 0 ? null : known.reduce((total, value) => total + value, 0);
}

/** Ignores null; null if no value is known. */
export function largest(values) {
  const known = values.filter((value) => value !== null);
  return known.length === 0 ? null : Math.max(...known);
}

/**
 * Growth of a counter per second; null if unknown.
 * @param read returns the counter of a reading.
 */
export function rate(before, now, read) {
  const seconds = before ? now.at - before.at : 0;
  const grown = (read(now) ?? 0) - ((before && read(before)) ?? 0);
  return seconds > 0 && grown >= 0 ? grown / seconds : null;
}

/**
 * Quantile of the values that a histogram recorded between two readings; null if none.
 * @param read returns lists of cumulative buckets of a reading, one per histogram; they are added up.
 */
export function quantile(before, now, read, q) {
  if (!before) return null;
  const buckets = new Map();
  for (const [reading, sign] of [
    [now, 1],
    [before, -1],
  ]) {
    for (const { le, count } of read(reading).flat()) {
      const bound = le ?? Number.POSITIVE_INFINITY;
      buckets.set(bound, (buckets.get(bound) ?? 0) + sign * count);
    }
  }
  const bounds = [...buckets.keys()].sort((one, other) => one - other);
  const rank = q * (buckets.get(Number.POSITIVE_INFINITY) ?? 0);
  if (!(rank > 0)) return null;
  let [low, below] = [0, 0];
  for (const bound of bounds) {
    const upTo = buckets.get(bound);
    if (upTo >= rank)
      return bound === Number.POSITIVE_INFINITY
        ? low
        : low + ((bound - low) * (rank - below)) / (upTo - below);
    [low, below] = [bound, upTo];
  }
  return low;
}
