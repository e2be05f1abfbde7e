/**
 * The trace of a message that carries no headers: NATS Streaming has none, and the payload is not to be touched. So who
 * publishes and who receives both derive the ids from the payload's own bytes. Copies of a message share a trace, which
 * is what somebody wants to see who asks what became of it.
 */
import { hash } from "node:crypto";

export type DerivedIds = Readonly<{ traceId: string; spanId: string }>;

/** The trace of a payload, and the span of its publishing: the first 16 bytes of its SHA-256, and the next 8. */
export function idsOf(payload: Buffer): DerivedIds {
  const digest = hash("sha256", payload);
  return { traceId: digest.slice(0, 32), spanId: digest.slice(32, 48) };
}
