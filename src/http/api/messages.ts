/** A message's history and its bytes. */
import type { OutcomeName } from "../../contract/domain.ts";
import {
  answer,
  bytes,
  DOMAIN_IN_QUERY,
  header,
  inQuery,
  jsonBody,
  type Operation,
  type Parameter,
  POSITION_IN_PATH,
  problems,
} from "../../contract/openapi.ts";
import { goneSignal, type Route, sendJson } from "../../contract/route.ts";
import { readDecimal, readPosition } from "../../contract/values/integers.ts";
import { membersOf, schemaOf } from "../../contract/values/shapes.ts";
import type { Desk } from "../../deadletter/desk.ts";
import { operatorType, readOperator } from "../../deadletter/repair/requests.ts";
import { searchType } from "../../deadletter/search/documents.ts";
import { TEXT_LENGTH_MAX } from "../../deadletter/search/search.ts";
import { biographyType, messageType, outcomeType } from "../../deadletter/show/documents.ts";
import { readActionBody } from "../server/body.ts";
import { readFrom } from "./deadletters.ts";
import { FROM } from "./deadletters-api.ts";

/** @param settled resolves with the outcome, or `pending` if the signal aborts. */
export function messagesRoutes(
  desk: Desk,
  settled: (domain: string, position: bigint, signal: AbortSignal) => Promise<OutcomeName>,
): Route[] {
  return [
    {
      method: "GET",
      path: "/messages/:position",
      access: "operator or ingress",
      operation: SHOW,
      handle: async (request, response) => {
        const position = readPosition(request.params.position);
        const waitSeconds = readDecimal(request.query.wait ?? "0", "wait", 0, WAIT_SECONDS_MAX);
        const read = () => (request.isOperator ? desk.biography(position) : desk.outcome(position));
        let document = await read();
        if (document.outcome === "pending" && waitSeconds > 0) {
          const signal = AbortSignal.any([AbortSignal.timeout(waitSeconds * 1000), goneSignal(response)]);
          await settled(document.domain, position, signal);
          document = await read();
        }
        sendJson(response, 200, document);
      },
    },
    {
      method: "GET",
      path: "/messages/:position/view",
      access: "reader",
      operation: VIEW,
      handle: async (request, response) => {
        const position = readPosition(request.params.position);
        sendJson(response, 200, await desk.messages.show(position, readFrom(request.query.from)));
      },
    },
    {
      method: "POST",
      path: "/messages/:position/reveal",
      access: "operator",
      operation: REVEAL,
      handle: async (request, response) => {
        const position = readPosition(request.params.position);
        const from = readFrom(request.query.from);
        const operator = await readActionBody(request, operatorType, REVEAL_BYTES_MAX, {});
        sendJson(response, 200, await desk.messages.reveal(position, operator, from));
      },
    },
    {
      method: "GET",
      path: "/find",
      access: "reader",
      operation: FIND,
      handle: async ({ query }, response) =>
        sendJson(response, 200, await desk.messages.find(query.q, query.domain)),
    },
    {
      method: "GET",
      path: "/messages/:position/payload",
      access: "operator",
      operation: PAYLOAD,
      handle: async (request, response) => {
        const position = readPosition(request.params.position);
        const operator = readOperator(request, request.query);
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

const WAIT_SECONDS_MAX = 30;

/** Author and reason. */
const REVEAL_BYTES_MAX = 16 * 1024;

const SHOW: Operation = {
  tags: ["messages"],
  summary: "A message's history",
  description:
    "Source, outcome, errors and operator actions. With INGRESS_TOKEN only the outcome: no payload, names or diff.",
  parameters: [
    POSITION_IN_PATH,
    inQuery("wait", `seconds to wait for the outcome, at most ${WAIT_SECONDS_MAX}`, {
      type: "number",
      minimum: 0,
      maximum: WAIT_SECONDS_MAX,
    }),
  ],
  responses: {
    200: answer("the history; for INGRESS_TOKEN only the outcome", {
      anyOf: [schemaOf(biographyType), schemaOf(outcomeType)],
    }),
    ...problems(400, 404),
  },
};

const VIEW: Operation = {
  tags: ["messages"],
  summary: "A message with its payload",
  description:
    "The history, the payload and headers with personal data masked, the messages before and after in the inbox, and the trace.",
  parameters: [POSITION_IN_PATH, FROM],
  responses: { 200: answer("the message", schemaOf(messageType)), ...problems(400, 404) },
};

const REVEAL: Operation = {
  tags: ["messages"],
  summary: "A message with unmasked personal data",
  description: "Access is recorded first.",
  parameters: [POSITION_IN_PATH, FROM],
  requestBody: jsonBody(schemaOf(operatorType), false),
  responses: { 200: answer("the message", schemaOf(messageType)), ...problems(400, 404, 413, 415) },
};

const FIND: Operation = {
  tags: ["messages"],
  summary: "Find messages by any identifier",
  description:
    "Takes the text for each identifier that it can be: a position, an id of a domain's document, a message id, an idempotency key, a stream sequence, `topic/partition/offset` or `partition/offset`, a trace id or traceparent, a fingerprint, or text in the payload of a recent dead letter or of a pending message. `looked_for` says what was searched and how far.",
  parameters: [
    {
      ...inQuery("q", "the text", { type: "string", minLength: 1, maxLength: TEXT_LENGTH_MAX }),
      required: true,
    },
    DOMAIN_IN_QUERY,
  ],
  responses: {
    200: answer("the matches; none if nothing was found", schemaOf(searchType)),
    ...problems(400),
  },
};

const PAYLOAD: Operation = {
  tags: ["messages"],
  summary: "A message's payload",
  description: "Returns unmasked data; access is recorded.",
  parameters: [
    POSITION_IN_PATH,
    ...membersOf(operatorType).map(([name, schema]): Parameter => ({ name, in: "query", schema })),
  ],
  responses: {
    200: bytes("the received bytes", "application/octet-stream", {
      "content-disposition": header("attachment"),
    }),
    ...problems(400, 404),
  },
};
