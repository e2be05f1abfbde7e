/**
 * How much time a call has. A caller that names none gets a default, and nobody gets more than the maximum: what waits
 * has an end, whatever callers say.
 * Sources: gRPC over HTTP/2, "Timeout"; Connect protocol, "Connect-Timeout-Ms".
 */
import type { IncomingHttpHeaders } from "node:http2";

/** Writes the deadline that holds into the headers. @returns milliseconds. */
export function boundDeadline(headers: IncomingHttpHeaders): number {
  const isGrpc = headers["content-type"]?.startsWith("application/grpc") ?? false;
  const name = isGrpc ? "grpc-timeout" : "connect-timeout-ms";
  const given = headers[name];
  if (given === undefined) {
    headers[name] = isGrpc ? `${DEADLINE_DEFAULT_MS}m` : String(DEADLINE_DEFAULT_MS);
    return DEADLINE_DEFAULT_MS;
  }
  const asked = isGrpc ? grpcMilliseconds(String(given)) : Number(given);
  // What is no time is refused where the call is read.
  if (Number.isNaN(asked)) return DEADLINE_DEFAULT_MS;
  if (asked <= DEADLINE_MAX_MS) return asked;
  headers[name] = isGrpc ? `${DEADLINE_MAX_MS}m` : String(DEADLINE_MAX_MS);
  return DEADLINE_MAX_MS;
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

/** As long as a caller over HTTP waits at most. */
export const DEADLINE_DEFAULT_MS = 30_000;
const DEADLINE_MAX_MS = 300_000;
