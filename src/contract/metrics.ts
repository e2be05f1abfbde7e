/**
 * Metrics of a domain. Names begin with `waybill_` and follow Prometheus: base units, `_total` for counters. The engine
 * adds the label `domain`. A label's values must be known beforehand: never an id, never a word of a message.
 */

/** Reads values when Prometheus scrapes; each value with the values of its labels. */
export type ReadMetric = () => Iterable<
  Readonly<{ value: number; labels?: Readonly<Record<string, string>> }>
>;

export interface MetricsScope {
  /** A value that goes up and down. */
  gauge(name: string, help: string, labels: readonly string[], read: ReadMetric): void;
  /** A value that only grows while the process runs. */
  counter(name: string, help: string, labels: readonly string[], read: ReadMetric): void;
  /** A distribution in seconds. @returns records one duration. */
  seconds(
    name: string,
    help: string,
    labels: readonly string[],
  ): (seconds: number, labels?: Readonly<Record<string, string>>) => void;
}
