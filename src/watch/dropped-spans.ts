/** How many spans were not delivered, as a metric; 0 while nothing is traced. */
import { Counter } from "prom-client";
import type { Tracing } from "../telemetry/tracing.ts";
import type { Metrics } from "./metrics.ts";

export function countDroppedSpans(
  { registry }: Metrics,
  tracing: Pick<Tracing, "droppedSpans"> | undefined,
): void {
  new Counter({
    name: "waybill_spans_dropped_total",
    help: "Spans that the collector of traces did not take.",
    registers: [registry],
    collect() {
      this.reset();
      this.inc(tracing?.droppedSpans ?? 0);
    },
  });
}
