/** A running domain's metrics: the engine's and its own. */
import { Counter, Gauge, Histogram } from "prom-client";
import type { Message, Receipt } from "../contract/message.ts";
import type { MetricsScope, ReadMetric } from "../contract/metrics.ts";
import type { Sink, Source } from "../contract/source.ts";
import type { ProjectedBatch } from "../projector/project.ts";
import { type Metrics, SECONDS_BUCKETS } from "./metrics.ts";
import { countRefusals, recordAppend, recordProjection } from "./record.ts";

export class DomainMetrics {
  readonly #metrics: Metrics;
  readonly #domain: string;
  readonly scope: MetricsScope;

  constructor(metrics: Metrics, domain: string, sources: readonly Source[]) {
    this.#metrics = metrics;
    this.#domain = domain;
    this.scope = new Scope(metrics, domain);
    // A rate needs a first value, so counters start at 0.
    metrics.projectionFailures.inc({ domain }, 0);
    metrics.appendFailures.inc({ domain }, 0);
    for (const { name: source, channel } of sources) {
      const labels = { domain, source, channel };
      metrics.refused.inc(labels, 0);
      metrics.redelivered.inc(labels, 0);
      metrics.skippedRead.inc(labels, 0);
      metrics.inboxAppended.inc(labels, 0);
      metrics.gapMessages.set(labels, 0);
    }
  }

  countRefusals(sink: Sink): Sink {
    return countRefusals(sink, this.#metrics, this.#domain);
  }

  appended(messages: readonly Message[], receipts: readonly Receipt[], seconds: number): void {
    recordAppend(this.#metrics, this.#domain, messages, receipts, seconds);
  }

  appendFailed(): void {
    this.#metrics.appendFailures.inc({ domain: this.#domain });
  }

  projected(batch: ProjectedBatch, seconds: number): void {
    recordProjection(this.#metrics, this.#domain, batch, seconds);
  }

  sent(events: readonly Readonly<{ topic: string }>[], seconds: number): void {
    const domain = this.#domain;
    this.#metrics.outboxBatchSeconds.observe({ domain }, seconds);
    for (const [topic, { length }] of Map.groupBy(events, (event) => event.topic)) {
      this.#metrics.outboxSent.inc({ domain, topic }, length);
    }
  }

  projectionFailed(): void {
    this.#metrics.projectionFailures.inc({ domain: this.#domain });
  }
}

/** Domains may share metric names. */
class Scope implements MetricsScope {
  readonly #metrics: Metrics;
  readonly #domain: string;

  constructor(metrics: Metrics, domain: string) {
    this.#metrics = metrics;
    this.#domain = domain;
  }

  gauge(name: string, help: string, labels: readonly string[], read: ReadMetric): void {
    const gauge = this.#once(
      name,
      () => new Gauge({ name, help, labelNames: ["domain", ...labels], registers: [this.#metrics.registry] }),
    );
    this.#metrics.readAtScrape(() => {
      for (const { value, labels: values } of read()) gauge.set({ domain: this.#domain, ...values }, value);
    });
  }

  counter(name: string, help: string, labels: readonly string[], read: ReadMetric): void {
    const counter = this.#once(
      name,
      () =>
        new Counter({ name, help, labelNames: ["domain", ...labels], registers: [this.#metrics.registry] }),
    );
    const last = new Map<string, number>();
    this.#metrics.readAtScrape(() => {
      for (const { value, labels: values = {} } of read()) {
        const key = JSON.stringify(values);
        counter.inc({ domain: this.#domain, ...values }, value - (last.get(key) ?? 0));
        last.set(key, value);
      }
    });
  }

  seconds(name: string, help: string, labels: readonly string[]) {
    const histogram = this.#once(
      name,
      () =>
        new Histogram({
          name,
          help,
          labelNames: ["domain", ...labels],
          buckets: SECONDS_BUCKETS,
          registers: [this.#metrics.registry],
        }),
    );
    return (seconds: number, values: Readonly<Record<string, string>> = {}) =>
      histogram.observe({ domain: this.#domain, ...values }, seconds);
  }

  #once<T>(name: string, create: () => T): T {
    const known = this.#metrics.registry.getSingleMetric(name);
    return known ? (known as T) : create();
  }
}
