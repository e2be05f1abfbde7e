/**
 * Metrics of a domain. Names begin with `waybill_` and follow Prometheus: base units, `_total` for counters. The engine
 * adds the label `domain`. Label values come from a fixed set.
 */

/** Called when Prometheus scrapes. */
export type ReadMetric = () => Iterable<
  Readonly<{ value: number; labels?: Readonly<Record<string, string>> }>
>;

export interface MetricsScope {
  gauge(name: string, help: string, labels: readonly string[], read: ReadMetric): void;
  counter(name: string, help: string, labels: readonly string[], read: ReadMetric): void;
  /** A histogram. @returns a function that records one duration. */
  seconds(
    name: string,
    help: string,
    labels: readonly string[],
  ): (seconds: number, labels?: Readonly<Record<string, string>>) => void;
}
