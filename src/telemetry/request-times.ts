/**
 * The histogram of request durations, in plain arrays: prom-client's lookup of labels would cost a tenth of a cached
 * answer.
 */
import type { Registry } from "prom-client";

type Series = { labels: Record<string, string>; buckets: number[]; sum: number; count: number };

export class RequestTimes {
  readonly name = "waybill_http_request_duration_seconds";
  readonly help = "From the request's head to the end of the answer.";
  readonly type = "histogram";
  readonly aggregator = "sum";
  readonly #upperBounds: readonly number[];
  readonly #series = new Map<string, Series[]>();

  constructor(registry: Registry, upperBounds: readonly number[]) {
    this.#upperBounds = upperBounds;
    registry.registerMetric(this as never);
  }

  observe(method: string, route: string, status: number, seconds: number): void {
    const series = this.#find(method, route, status);
    series.sum += seconds;
    series.count += 1;
    let bucket = 0;
    while (bucket < this.#upperBounds.length && seconds > (this.#upperBounds[bucket] as number)) bucket++;
    series.buckets[bucket] = (series.buckets[bucket] ?? 0) + 1;
  }

  /** Called by the registry. */
  async get() {
    const values = [...this.#series.values()].flat().flatMap(({ labels, buckets, sum, count }) => {
      let cumulative = 0;
      const bucketValues = [...this.#upperBounds, "+Inf"].map((le, index) => {
        cumulative += buckets[index] as number;
        return { labels: { le, ...labels }, value: cumulative, metricName: `${this.name}_bucket` };
      });
      return [
        ...bucketValues,
        { labels, value: sum, metricName: `${this.name}_sum` },
        { labels, value: count, metricName: `${this.name}_count` },
      ];
    });
    return { name: this.name, help: this.help, type: this.type, aggregator: this.aggregator, values };
  }

  reset(): void {
    this.#series.clear();
  }

  #find(method: string, route: string, status: number): Series {
    // Nearly always the first matches.
    const ofRoute = this.#series.get(route) ?? [];
    for (const series of ofRoute) {
      if (series.labels.method === method && Number(series.labels.status) === status) return series;
    }
    const labels = { method, route, status: String(status) };
    const series = {
      labels,
      buckets: new Array<number>(this.#upperBounds.length + 1).fill(0),
      sum: 0,
      count: 0,
    };
    this.#series.set(route, [...ofRoute, series]);
    return series;
  }
}
