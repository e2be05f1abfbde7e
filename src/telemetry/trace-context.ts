/** Trace contexts as texts: the W3C `traceparent` that the inbox keeps. */
import {
  type Context,
  isValidSpanId,
  isValidTraceId,
  ROOT_CONTEXT,
  TraceFlags,
  trace,
} from "@opentelemetry/api";

/** A context whose span is the one that a W3C traceparent names; undefined where it is none. */
export function contextOf(traceparent: string): Context | undefined {
  const [, traceId, spanId, flags] = normalTraceparent(traceparent)?.split("-") ?? [];
  if (!traceId || !spanId || !flags) return undefined;
  const spanContext = { traceId, spanId, traceFlags: Number.parseInt(flags, 16), isRemote: true };
  return trace.setSpanContext(ROOT_CONTEXT, spanContext);
}

/** The W3C traceparent of a context's span; undefined where it has none, or that is not sampled. */
export function traceparentOf(of: Context): string | undefined {
  const spanContext = trace.getSpanContext(of);
  if (!spanContext || !isSampledContext(of)) return undefined;
  return `00-${spanContext.traceId}-${spanContext.spanId}-01`;
}

/** The same traceparent with its flag for sampling down; what is none stays as it is. */
export function withoutSampling(traceparent: string): string {
  const normal = normalTraceparent(traceparent);
  if (normal === undefined) return traceparent;
  const others = Number.parseInt(normal.slice(-2), 16) & ~TraceFlags.SAMPLED;
  return normal.slice(0, -2) + others.toString(16).padStart(2, "0");
}

export function isSampledContext(of: Context): boolean {
  return ((trace.getSpanContext(of)?.traceFlags ?? 0) & TraceFlags.SAMPLED) !== 0;
}

/**
 * A traceparent in the form of version 00, which is the form that the inbox keeps. A later version may have more members
 * behind those that are known, and of its flags only the one for sampling is known.
 * @returns undefined if the text is none. Source: W3C Trace Context, 3.2 and 3.3.
 */
export function normalTraceparent(text: string): string | undefined {
  const [, version, traceId, spanId, flags, more] = TRACEPARENT.exec(text) ?? [];
  if (!traceId || !spanId || !flags || version === "ff") return undefined;
  if (!isValidTraceId(traceId) || !isValidSpanId(spanId)) return undefined;
  if (version === "00") return more === undefined ? text : undefined;
  return `00-${traceId}-${spanId}-${Number.parseInt(flags, 16) & TraceFlags.SAMPLED ? "01" : "00"}`;
}

const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
