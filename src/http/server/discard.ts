/**
 * Reads and drops the rest of a body after a refusal. Closing a connection while bytes arrive resets it, and the client
 * would lose the answer. Bytes and time are bounded.
 */
import type { IncomingMessage } from "node:http";

export function discardRest(request: IncomingMessage): void {
  if (request.complete || request.destroyed) return;
  const { socket } = request;
  let bytes = 0;
  const timer = setTimeout(() => socket.destroySoon(), DISCARD_MS);
  request.on("data", (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > DISCARD_BYTES_MAX) socket.destroySoon();
  });
  request.once("close", () => clearTimeout(timer));
  request.resume();
}

/** The largest body that any setting allows. */
const DISCARD_BYTES_MAX = 64 * 1024 * 1024;
/** Enough for that size at 6.4 MiB/s. */
const DISCARD_MS = 10_000;
