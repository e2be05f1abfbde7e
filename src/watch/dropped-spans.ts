/** A metric of spans that were not delivered; 0 without tracing. */
import { Counter } from "prom-client";
import type { Tracing } from "../telemetry/tracing.ts";
import type { Metrics } from "./metrics.ts";

export function countDroppedSpans(
  { registry }: Metrics,
  tracing: Pick<Tracing, "droppedSpans"> | undefined,
): void {
  new Counter({
    name: "waybill_spans_dropped_total",
    help: "Spans that the trace collector did not accept.",
    registers: [registry],
    collect() {
      this.reset();
      this.inc(tracing?.droppedSpans ?? 0);
    },
  });
}
