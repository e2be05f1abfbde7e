/** `GET /messages/:position`: where a message came from and what became of it; and its bytes. */
import { type } from "arktype";
import type { OutcomeName } from "../../contract/domain.ts";
import { InvalidInputError } from "../../contract/errors.ts";
import { type Route, sendJson } from "../../contract/route.ts";
import { readPosition } from "../../contract/values/integers.ts";
import type { Desk } from "../../deadletter/desk.ts";
import { operatorType } from "../../deadletter/repair/requests.ts";
import * as api from "./messages-api.ts";

/** @param settled resolves with the outcome of a position, or with `pending` when the signal aborts. */
export function messagesRoutes(
  desk: Desk,
  settled: (domain: string, position: bigint, signal: AbortSignal) => Promise<OutcomeName>,
): Route[] {
  return [
    {
      method: "GET",
      path: "/messages/:position",
      access: "operator or ingress",
      operation: api.show,
      handle: async (request, response) => {
        const position = readPosition(request.params.position);
        const waitSeconds = readWait(request.query.wait);
        let biography = await desk.biography(position);
        if (biography.outcome === "pending" && waitSeconds > 0) {
          const signal = AbortSignal.any([AbortSignal.timeout(waitSeconds * 1000), closeOf(response)]);
          await settled(biography.domain, position, signal);
          biography = await desk.biography(position);
        }
        sendJson(response, 200, biography);
      },
    },
    {
      method: "GET",
      path: "/messages/:position/payload",
      access: "operator",
      operation: api.payload,
      handle: async (request, response) => {
        const position = readPosition(request.params.position);
        const operator = operatorType({ ...request.query });
        if (operator instanceof type.errors) {
          const name = String(operator[0]?.path[0] ?? "query");
          throw new InvalidInputError(name, `${name} must be ${operator[0]?.expected}`);
        }
        const payload = await desk.payload(position, operator);
        response.writeHead(200, {
          "content-type": "application/octet-stream",
          "content-length": payload.length,
          "content-disposition": `attachment; filename="message-${position}.bin"`,
          "cache-control": "no-store",
        });
        response.end(payload);
      },
    },
  ];
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

const WAIT_SECONDS_MAX = 30;
