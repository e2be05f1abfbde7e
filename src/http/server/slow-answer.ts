/**
 * Answers with a document that can take minutes. Proxies end a connection that is silent for about a minute, so line
 * breaks, which JSON allows, precede a late document.
 */
import type { ServerResponse } from "node:http";
import { goneSignal, sendJson } from "../../contract/route.ts";

/**
 * @param work its signal aborts when the client disconnects.
 * @throws what the work throws; after the first line break the server then closes the connection without the last chunk.
 */
export async function answerSlowly(
  response: ServerResponse,
  work: (signal: AbortSignal) => Promise<object>,
  heartbeatMs = HEARTBEAT_MS,
): Promise<void> {
  const heartbeat = setInterval(() => {
    if (!response.headersSent) response.writeHead(200, HEADERS);
    response.write("\n");
  }, heartbeatMs);
  try {
    const document = await work(goneSignal(response));
    if (response.headersSent) response.end(JSON.stringify(document));
    else sendJson(response, 200, document);
  } finally {
    clearInterval(heartbeat);
  }
}

const HEADERS = {
  "content-type": "application/json",
  "cache-control": "no-store",
  // Otherwise nginx buffers the line breaks.
  "x-accel-buffering": "no",
};

/** A quarter of the usual limit; an earlier error is still a problem document. */
const HEARTBEAT_MS = 15_000;
