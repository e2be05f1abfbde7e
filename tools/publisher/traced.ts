/** Starts the trace that the service continues. */
import { SpanKind, SpanStatusCode } from "@opentelemetry/api";
import { loadTracing } from "../../src/config/config.ts";
import { idsOf } from "../../src/telemetry/trace-ids.ts";
import type { Transport } from "./transport.ts";

/** With a span for sampled messages, if OTEL_TRACES_EXPORTER enables tracing. @throws ConfigError */
export async function traced(connect: () => Promise<Transport>): Promise<Transport> {
  const config = loadTracing();
  if (!config) return await connect();
  const { Tracing } = await import("../../src/telemetry/tracing.ts");
  const tracing = new Tracing(config, "waybill-publisher");
  const transport = await connect();
  return {
    publish: async (payload, { key } = {}) => {
      // The service derives the same ids, because some brokers have no headers.
      const ids = idsOf(payload);
      if (!tracing.isSampled(ids.traceId)) return await transport.publish(payload, { key });
      const attributes = { "messaging.message.body.size": payload.length };
      const span = tracing.withIds(ids, () =>
        tracing.tracer.startSpan("publish", { root: true, kind: SpanKind.PRODUCER, attributes }),
      );
      try {
        await transport.publish(payload, { key, traceparent: `00-${ids.traceId}-${ids.spanId}-01` });
      } catch (error) {
        span.setStatus({ code: SpanStatusCode.ERROR });
        throw error;
      } finally {
        span.end();
      }
    },
    [Symbol.asyncDispose]: async () => {
      await transport[Symbol.asyncDispose]();
      await tracing[Symbol.asyncDispose]();
    },
  };
}
