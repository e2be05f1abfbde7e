/** Trace contexts as texts: the W3C `traceparent` that the inbox keeps. */
import { type Context, isSpanContextValid, ROOT_CONTEXT, TraceFlags, trace } from "@opentelemetry/api";

/** A context whose span is the one that a W3C traceparent names; undefined where it is none. */
export function contextOf(traceparent: string): Context | undefined {
  const [, traceId, spanId, flags] = TRACEPARENT.exec(traceparent) ?? [];
  if (!traceId || !spanId || !flags) return undefined;
  const spanContext = { traceId, spanId, traceFlags: Number.parseInt(flags, 16), isRemote: true };
  return isSpanContextValid(spanContext) ? trace.setSpanContext(ROOT_CONTEXT, spanContext) : undefined;
}

/** The W3C traceparent of a context's span; undefined where it has none, or that is not sampled. */
export function traceparentOf(of: Context): string | undefined {
  const spanContext = trace.getSpanContext(of);
  if (!spanContext || !isSampledContext(of)) return undefined;
  return `00-${spanContext.traceId}-${spanContext.spanId}-01`;
}

/** The same traceparent with its flag for sampling down; what is none stays as it is. */
export function withoutSampling(traceparent: string): string {
  const [, , , flags] = TRACEPARENT.exec(traceparent) ?? [];
  if (!flags) return traceparent;
  const others = Number.parseInt(flags, 16) & ~TraceFlags.SAMPLED;
  return traceparent.slice(0, -2) + others.toString(16).padStart(2, "0");
}

export function isSampledContext(of: Context): boolean {
  return ((trace.getSpanContext(of)?.traceFlags ?? 0) & TraceFlags.SAMPLED) !== 0;
}

/** Source: W3C Trace Context, 3.2, traceparent header. */
export const TRACEPARENT = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/;
