/** Outbox routes: pending and refused events, and what operators do with them. */
import {
  answer,
  COUNT,
  DOMAIN_IN_QUERY,
  inPath,
  jsonBody,
  type Operation,
  POSITION_IN_PATH,
  problems,
} from "../../contract/openapi.ts";
import { type Request, type Route, sendJson } from "../../contract/route.ts";
import { readInteger, readPosition } from "../../contract/values/integers.ts";
import { schemaOf } from "../../contract/values/shapes.ts";
import { decisionType } from "../../deadletter/repair/requests.ts";
import { decidedEventType, type OutboxDesk, outboxType } from "../../outbox/outbox-desk.ts";
import { readActionBody } from "../server/body.ts";

export function outboxRoutes(desk: OutboxDesk): Route[] {
  return [
    route("GET", "/outbox", SHOW, ({ query }) => desk.show(query.domain)),
    route("POST", "/outbox/:position/:ordinal/release", RELEASE, async (request) =>
      desk.release(placeOf(request), await readActionBody(request, decisionType, BODY_BYTES_MAX)),
    ),
    route("POST", "/outbox/:position/:ordinal/discard", DISCARD, async (request) =>
      desk.discard(placeOf(request), await readActionBody(request, decisionType, BODY_BYTES_MAX)),
    ),
  ];
}

function route(
  method: "GET" | "POST",
  path: string,
  operation: Operation,
  answerTo: (request: Request) => Promise<object>,
): Route {
  return {
    method,
    path,
    access: method === "GET" ? "reader" : "operator",
    operation,
    handle: async (request, response) => sendJson(response, 200, await answerTo(request)),
  };
}

const placeOf = ({ params }: Request) => ({
  position: readPosition(params.position),
  ordinal: readInteger(params.ordinal ?? "", "ordinal", 0, ORDINAL_MAX),
});

const tags = ["outbox"];
const PLACE = [POSITION_IN_PATH, inPath("ordinal", "index of the event at the position, from 0", COUNT)];

const SHOW: Operation = {
  tags,
  summary: "Pending events, events that the broker refuses, and operator actions",
  parameters: [DOMAIN_IN_QUERY],
  responses: {
    200: answer("the outboxes of this process's domains", schemaOf(outboxType)),
    ...problems(400),
  },
};

const decision = (summary: string, description: string): Operation => ({
  tags,
  summary,
  description,
  parameters: PLACE,
  requestBody: jsonBody(schemaOf(decisionType)),
  responses: { 200: answer("the event's new state", schemaOf(decidedEventType)), ...problems(404, 413, 415) },
});

const RELEASE = decision(
  "Retry a refused event",
  "Later events with the same key follow it. If the broker refuses it again, it blocks its key again.",
);
const DISCARD = decision(
  "Permanently remove a refused event",
  "Consumers do not get the event; later events with the same key are sent. The decision is recorded and irreversible.",
);

const ORDINAL_MAX = 2 ** 31 - 1;
const BODY_BYTES_MAX = 16 * 1024;
