/**
 * JSON lines on stdout, readable lines on a terminal. Callers never log payloads, tokens or connection strings;
 * redaction is a second barrier.
 */
import { trace } from "@opentelemetry/api";
import { type Logger, pino } from "pino";

export type { Logger };

/** @param level of pino. */
export function createLogger(level: string): Logger {
  const options = {
    level,
    base: { service: "waybill", pid: process.pid },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    mixin: () => {
      const span = trace.getActiveSpan()?.spanContext();
      return span ? { trace_id: span.traceId, span_id: span.spanId } : {};
    },
    serializers: { err: describeError },
    redact: { paths: ["password", "token", "authorization", "*.password", "*.token", "*.authorization"] },
  };
  if (!process.stdout.isTTY) return pino(options);
  return pino({
    ...options,
    transport: { target: "pino-pretty", options: { ignore: "pid,service", translateTime: "HH:MM:ss.l" } },
  });
}

/** Without PostgreSQL's details, which quote rows with personal data. */
function describeError(error: unknown) {
  if (!(error instanceof Error)) return { message: String(error) };
  const { name, message, stack } = error;
  return { name, message, stack, code: (error as NodeJS.ErrnoException).code };
}
