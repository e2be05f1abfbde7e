/** Source routes: which sources are paused, and pausing and resuming them. */
import { answer, inPath, jsonBody, type Operation, problems, TEXT } from "../../contract/openapi.ts";
import { type Request, type Route, sendJson } from "../../contract/route.ts";
import { schemaOf } from "../../contract/values/shapes.ts";
import { decisionType } from "../../deadletter/repair/requests.ts";
import { type PauseDesk, sourceStatesType, sourceStateType } from "../../inbox/pauses/pause-desk.ts";
import { readActionBody } from "../server/body.ts";

export function sourceRoutes(desk: PauseDesk): Route[] {
  return [
    {
      method: "GET",
      path: "/sources",
      access: "reader",
      operation: {
        tags,
        summary: "Sources of this process, which of them are paused, and operator actions",
        responses: { 200: answer("the sources that can be paused", schemaOf(sourceStatesType)) },
      },
      handle: async (_request, response) => sendJson(response, 200, await desk.show()),
    },
    ...(["pause", "resume"] as const).map(
      (action): Route => ({
        method: "POST",
        path: `/sources/:domain/:source/${action}`,
        access: "operator",
        operation: OPERATIONS[action],
        handle: async (request, response) => {
          const decision = await readActionBody(request, decisionType, BODY_BYTES_MAX);
          sendJson(response, 200, await desk.act(action, placeOf(request), decision));
        },
      }),
    ),
  ];
}

const placeOf = ({ params }: Request) => ({ domain: params.domain ?? "", source: params.source ?? "" });

const tags = ["sources"];

const operation = (summary: string, description: string): Operation => ({
  tags,
  summary,
  description,
  parameters: [
    inPath("domain", "a domain of this process", TEXT),
    inPath("source", "a source of this process", TEXT),
  ],
  requestBody: jsonBody(schemaOf(decisionType)),
  responses: {
    200: answer("the source's new state", schemaOf(sourceStateType)),
    ...problems(404, 413, 415),
  },
});

const OPERATIONS = {
  pause: operation(
    "Pause a source",
    "Every process stops receiving from it within seconds, and a restart does not resume it. A broker keeps its messages; the http source answers 503 (`paused`). The decision is recorded. A paused source keeps its first author and reason.",
  ),
  resume: operation(
    "Resume a paused source",
    "Every process receives from it again within seconds, from where it stopped. The decision is recorded.",
  ),
};

const BODY_BYTES_MAX = 16 * 1024;
