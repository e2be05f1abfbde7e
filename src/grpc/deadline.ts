/**
 * Every call has a deadline: the caller's, up to a maximum, or the default.
 * Sources: gRPC over HTTP/2, "Timeout"; Connect protocol, "Connect-Timeout-Ms".
 */
import type { IncomingHttpHeaders } from "node:http2";

/** Writes the effective deadline of a unary call into its headers. @returns milliseconds. */
export function boundDeadline(headers: IncomingHttpHeaders): number {
  return bound(headers, DEADLINE_DEFAULT_MS, DEADLINE_MAX_MS) as number;
}

/** The same for a stream, which may have none. */
export function boundStream(headers: IncomingHttpHeaders): void {
  bound(headers, undefined, STREAM_MAX_MS);
}

function bound(headers: IncomingHttpHeaders, byDefault: number | undefined, max: number): number | undefined {
  const isGrpc = headers["content-type"]?.startsWith("application/grpc") ?? false;
  const name = isGrpc ? "grpc-timeout" : "connect-timeout-ms";
  const given = headers[name];
  if (given === undefined) {
    if (byDefault !== undefined) headers[name] = isGrpc ? `${byDefault}m` : String(byDefault);
    return byDefault;
  }
  const asked = isGrpc ? grpcMilliseconds(String(given)) : Number(given);
  // The library rejects a malformed timeout.
  if (Number.isNaN(asked)) return byDefault;
  if (asked <= max) return asked;
  headers[name] = isGrpc ? `${max}m` : String(max);
  return max;
}

function grpcMilliseconds(timeout: string): number {
  const [, digits, unit = ""] = /^(\d{1,8})([HMSmun])$/.exec(timeout) ?? [];
  return Number(digits) * (UNITS_MS[unit] ?? Number.NaN);
}

const UNITS_MS: Readonly<Record<string, number>> = {
  H: 3_600_000,
  M: 60_000,
  S: 1_000,
  m: 1,
  u: 1e-3,
  n: 1e-6,
};

/** Also the longest wait of a caller over HTTP. */
export const DEADLINE_DEFAULT_MS = 30_000;
const DEADLINE_MAX_MS = 300_000;
/** A day: timers fire at once if their delay exceeds 2^31 ms. */
const STREAM_MAX_MS = 86_400_000;
