/** `GET /messages/:position`: where a message came from and what became of it. */
import type { Queryable } from "../database/pool.ts";
import { InvalidInputError, NotFoundError } from "../errors.ts";
import { type Biography, readBiography } from "../projector/biography.ts";
import type { Progress } from "../projector/progress.ts";
import { type Route, sendJson } from "./route.ts";

export function messagesRoute(database: Queryable, progress: Progress): Route {
  return {
    method: "GET",
    path: "/messages/:position",
    access: "operator or ingress",
    handle: async (request, response) => {
      const position = readPosition(request.params.position as string);
      const waitSeconds = readWait(request.query.wait);
      let biography = await readBiography(database, position);
      if (biography?.outcome === "pending" && waitSeconds > 0) {
        const signal = AbortSignal.any([AbortSignal.timeout(waitSeconds * 1000), closeOf(response)]);
        await progress.wait(database, biography.entry.domain, position, signal);
        biography = await readBiography(database, position);
      }
      if (!biography) throw new NotFoundError("there is no message at this position");
      sendJson(response, 200, toJson(biography));
    },
  };
}

/** @throws InvalidInputError */
function readPosition(text: string): bigint {
  const position = /^\d{1,19}$/.test(text) ? BigInt(text) : 0n;
  if (position < 1n || position >= 2n ** 63n) {
    throw new InvalidInputError("position", "a position is a whole number from 1 up");
  }
  return position;
}

function readWait(text: string | undefined): number {
  if (text === undefined) return 0;
  const seconds = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
  if (!(seconds <= WAIT_SECONDS_MAX)) {
    throw new InvalidInputError("wait", `wait is a number of seconds from 0 to ${WAIT_SECONDS_MAX}`);
  }
  return seconds;
}

/** Aborts when the caller has gone, so that nobody waits for an answer that nobody reads. */
function closeOf(response: { once(event: "close", listener: () => void): unknown }): AbortSignal {
  const controller = new AbortController();
  response.once("close", () => controller.abort());
  return controller.signal;
}

function toJson({ entry, outcome, originalPosition, code, fingerprint, errors }: Biography) {
  return {
    position: String(entry.position),
    domain: entry.domain,
    source: entry.source,
    channel: entry.channel,
    message_id: entry.messageId,
    payload_bytes: entry.payloadBytes,
    traceparent: entry.traceparent,
    published_at: entry.publishedAt?.toISOString() ?? null,
    received_at: entry.receivedAt.toISOString(),
    outcome,
    ...(originalPosition === undefined ? {} : { original_position: String(originalPosition) }),
    ...(code === undefined ? {} : { code, fingerprint, errors }),
  };
}

const WAIT_SECONDS_MAX = 30;
