/**
 * Exports spans in batches. A late batch is dropped and counted; the log shows once that delivery fails and once that
 * it works again.
 */
import { ExportResultCode } from "@opentelemetry/core";
import type { ReadableSpan, SpanExporter } from "@opentelemetry/sdk-trace-node";
import type { Logger } from "./logger.ts";

type Report = Parameters<SpanExporter["export"]>[1];

export class Delivery implements SpanExporter {
  dropped = 0;
  readonly #exporter: SpanExporter;
  readonly #logger: Logger | undefined;
  readonly #waitMs: number;
  #isFailing = false;

  constructor(exporter: SpanExporter, logger: Logger | undefined, waitMs = WAIT_MS) {
    this.#exporter = exporter;
    this.#logger = logger;
    this.#waitMs = waitMs;
  }

  export(spans: ReadableSpan[], report: Report): void {
    let isReported = false;
    const finish: Report = (result) => {
      if (isReported) return;
      isReported = true;
      clearTimeout(timer);
      this.#count(spans.length, result.code === ExportResultCode.SUCCESS, result.error);
      report(result);
    };
    const late = new Error(`the collector did not answer within ${this.#waitMs / 1_000} s`);
    const timer = setTimeout(() => finish({ code: ExportResultCode.FAILED, error: late }), this.#waitMs);
    timer.unref();
    this.#exporter.export(spans, finish);
  }

  shutdown(): Promise<void> {
    return this.#exporter.shutdown();
  }

  #count(spans: number, isDelivered: boolean, error: Error | undefined): void {
    if (!isDelivered) this.dropped += spans;
    if (this.#isFailing !== isDelivered) return;
    this.#isFailing = !isDelivered;
    if (isDelivered) this.#logger?.info("spans are delivered again");
    else
      this.#logger?.warn({ err: error }, "spans cannot be delivered and are dropped; the service continues");
  }
}

/** The OpenTelemetry specification's default for exporters. */
const WAIT_MS = 10_000;
