/**
 * Reads what is left of a body that nobody wants, so that the client gets its answer: closing a connection on which bytes
 * still arrive resets it, and takes the answer away. Endless bodies end at a bound.
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

/** As much as the largest body that any setting allows; a client that sends more does not read on its way. */
const DISCARD_BYTES_MAX = 64 * 1024 * 1024;
/** Enough for that on a slow line of a data centre. */
const DISCARD_MS = 10_000;
