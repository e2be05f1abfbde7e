/** Converts between trace contexts and W3C `traceparent` texts. */
import {
  type Context,
  isValidSpanId,
  isValidTraceId,
  ROOT_CONTEXT,
  TraceFlags,
  trace,
} from "@opentelemetry/api";

/** @returns undefined if the text is not a traceparent. */
export function contextOf(traceparent: string): Context | undefined {
  const [, traceId, spanId, flags] = normalTraceparent(traceparent)?.split("-") ?? [];
  if (!traceId || !spanId || !flags) return undefined;
  const spanContext = { traceId, spanId, traceFlags: Number.parseInt(flags, 16), isRemote: true };
  return trace.setSpanContext(ROOT_CONTEXT, spanContext);
}

/** @returns undefined if the context has no sampled span. */
export function traceparentOf(traceContext: Context): string | undefined {
  const spanContext = trace.getSpanContext(traceContext);
  if (!spanContext || !isSampledContext(traceContext)) return undefined;
  return `00-${spanContext.traceId}-${spanContext.spanId}-01`;
}

/** Text that is not a traceparent stays unchanged. */
export function withoutSampling(traceparent: string): string {
  const normal = normalTraceparent(traceparent);
  if (normal === undefined) return traceparent;
  const others = Number.parseInt(normal.slice(-2), 16) & ~TraceFlags.SAMPLED;
  return normal.slice(0, -2) + others.toString(16).padStart(2, "0");
}

export function isSampledContext(traceContext: Context): boolean {
  return ((trace.getSpanContext(traceContext)?.traceFlags ?? 0) & TraceFlags.SAMPLED) !== 0;
}

/**
 * Converts to version 00, which the inbox stores. Later versions may have additional members and flags.
 * @returns undefined if the text is not valid. Source: W3C Trace Context, 3.2 and 3.3.
 */
export function normalTraceparent(text: string): string | undefined {
  const [, version, traceId, spanId, flags, more] = TRACEPARENT.exec(text) ?? [];
  if (!traceId || !spanId || !flags || version === "ff") return undefined;
  if (!isValidTraceId(traceId) || !isValidSpanId(spanId)) return undefined;
  if (version === "00") return more === undefined ? text : undefined;
  return `00-${traceId}-${spanId}-${Number.parseInt(flags, 16) & TraceFlags.SAMPLED ? "01" : "00"}`;
}

const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
