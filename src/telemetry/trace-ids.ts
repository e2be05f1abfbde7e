/**
 * Trace ids for messages without headers, as in NATS Streaming: publisher and receiver derive the same ids from the
 * payload. Copies of a message share a trace.
 */
import { hash } from "node:crypto";

export type DerivedIds = Readonly<{ traceId: string; spanId: string }>;

/** From the first 24 bytes of the payload's SHA-256. */
export function idsOf(payload: Buffer): DerivedIds {
  const digest = hash("sha256", payload);
  return { traceId: digest.slice(0, 32), spanId: digest.slice(32, 48) };
}
