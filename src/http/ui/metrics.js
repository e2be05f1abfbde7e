/** What the service says of itself at `/metrics`, and what two readings of it say of the time between. */

/** @returns a reading: each sample by its name, with its labels. Source: OpenMetrics, text format. */
export async function readMetrics() {
  const response = await fetch("/metrics");
  if (!response.ok) throw new Error(`the service answered ${response.status}`);
  const samples = new Map();
  for (const line of (await response.text()).split("\n")) {
    const [, name, labels, value] = SAMPLE.exec(line) ?? [];
    if (name === undefined) continue;
    const known = samples.get(name) ?? [];
    known.push({ labels: labelsOf(labels ?? ""), value: Number(value) });
    samples.set(name, known);
  }
  return { at: Date.now() / 1000, samples };
}

function labelsOf(text) {
  return Object.fromEntries(
    [...text.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, name, value]) => [name, value]),
  );
}

/** The samples of a name whose labels are as wanted. */
export function all({ samples }, name, wanted = {}) {
  return (samples.get(name) ?? []).filter(({ labels }) =>
    Object.entries(wanted).every(([label, value]) => labels[label] === value),
  );
}

/** Their sum; null where there is none. */
export function sum(reading, name, wanted) {
  const found = all(reading, name, wanted);
  return found.length === 0 ? null : found.reduce((total, { value }) => total + value, 0);
}

/** By how much a counter has grown a second; null where that cannot be said. */
export function rate(before, now, name, wanted) {
  const seconds = before ? now.at - before.at : 0;
  const grown = (sum(now, name, wanted) ?? 0) - ((before && sum(before, name, wanted)) ?? 0);
  return seconds > 0 && grown >= 0 ? grown / seconds : null;
}

/** A quantile of what a histogram has seen between two readings, within its buckets; null where that was nothing. */
export function quantile(before, now, name, q, wanted) {
  if (!before) return null;
  const buckets = new Map();
  for (const [reading, sign] of [
    [now, 1],
    [before, -1],
  ]) {
    for (const { labels, value } of all(reading, `${name}_bucket`, wanted)) {
      const bound = labels.le === "+Inf" ? Number.POSITIVE_INFINITY : Number(labels.le);
      buckets.set(bound, (buckets.get(bound) ?? 0) + sign * value);
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

/** What may follow, an exemplar, has braces of its own. */
const SAMPLE = /^([a-zA-Z_:][\w:]*)(?:\{((?:[^"}]|"(?:[^"\\]|\\.)*")*)\})? (\S+)/;
