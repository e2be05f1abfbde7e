/**
 * Derives the trace of a message without headers, as in NATS Streaming: publisher and receiver compute the same ids
 * from the payload, which stays unchanged. Copies of a message share a trace.
 */
import { hash } from "node:crypto";

export type DerivedIds = Readonly<{ traceId: string; spanId: string }>;

/** The trace id is the first 16 bytes of the payload's SHA-256; the publishing span's id is the next 8. */
export function idsOf(payload: Buffer): DerivedIds {
  const digest = hash("sha256", payload);
  return { traceId: digest.slice(0, 32), spanId: digest.slice(32, 48) };
}
