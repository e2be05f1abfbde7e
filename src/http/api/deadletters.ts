/** The routes of dead letters: an address or a body enters, what the desk answers leaves. */
import { type } from "arktype";
import { InvalidInputError, TooLargeError } from "../../contract/errors.ts";
import { type Request, type Route, sendJson } from "../../contract/route.ts";
import { readInteger, readPosition } from "../../contract/values/integers.ts";
import type { Desk } from "../../deadletter/desk.ts";
import { filterType, readFilter } from "../../deadletter/find/filter.ts";
import {
  bulkLimits,
  bulkType,
  decisionType,
  operatorType,
  redriveType,
} from "../../deadletter/repair/requests.ts";
import { readJsonBody } from "../server/body.ts";
import { checkNames, readFlag } from "../server/parameters.ts";
import * as api from "./deadletters-api.ts";

/** @param payloadBytesMax of an edited payload. */
export function deadLetterRoutes(desk: Desk, payloadBytesMax: number): Route[] {
  const get = (path: string, operation: Route["operation"], answer: (request: Request) => Promise<object>) =>
    route("GET", path, operation, answer);
  const post = (path: string, operation: Route["operation"], answer: (request: Request) => Promise<object>) =>
    route("POST", path, operation, answer);
  const positionOf = (request: Request) => readPosition(request.params.position);

  // What stands in one place of an address must come before what stands for anything there.
  return [
    get("/deadletters", api.list, async ({ query }) => {
      checkNames(query, [...FILTER_NAMES, "limit", "before"]);
      const { limit, before, ...filter } = query;
      const size = readInteger(limit ?? LIST_DEFAULT, "limit", 1, LIST_MAX);
      const after = before === undefined ? undefined : readPosition(before, "before");
      return desk.list(readFilter(filter), size, after);
    }),
    get("/deadletters/groups", api.groups, async ({ query }) => {
      checkNames(query, ["state", "limit"]);
      const { state = "open" } = readFilter(query.state === "any" ? {} : { state: query.state ?? "open" });
      const size = readInteger(query.limit ?? LIST_DEFAULT, "limit", 1, LIST_MAX);
      return desk.overview(query.state === "any" ? undefined : state, size);
    }),
    get("/deadletters/redrives", api.bulks, () => desk.bulks()),
    get("/deadletters/redrives/:id", api.bulk, ({ params }) => desk.bulk(readPosition(params.id, "id"))),
    post("/deadletters/redrives/:id/cancel", api.cancel, async (request) => {
      const id = readPosition(request.params.id, "id");
      return desk.cancel(id, await readJsonBody(request, decisionType, SMALL_BODY_BYTES_MAX));
    }),
    {
      ...post("/deadletters/redrive", api.redriveMany, async () => ({})),
      handle: async (request, response) => {
        checkNames(request.query, ["dryRun"]);
        const isDryRun = readFlag(request.query.dryRun, "dryRun");
        const body = await readJsonBody(request, bulkType, SMALL_BODY_BYTES_MAX);
        const filter = readFilter(body.filter);
        const limit = body.limit ?? bulkLimits.fallback;
        if (isDryRun) {
          const gone = new AbortController();
          response.once("close", () => gone.abort());
          return sendJson(response, 200, await desk.tryRedriveMany(filter, limit, gone.signal));
        }
        const { author, reason } = body;
        if (author === undefined)
          throw new InvalidInputError("author", "author is needed: who redrives these?");
        if (reason === undefined)
          throw new InvalidInputError("reason", "reason is needed: why redrive these?");
        const bulk = await desk.redriveMany(filter, limit, body.failures_max ?? 0, { author, reason });
        sendJson(response, 202, bulk, { location: `/deadletters/redrives/${bulk.id}` });
      },
    },
    get("/deadletters/:position", api.show, async (request) => desk.show(positionOf(request))),
    post("/deadletters/:position/reveal", api.reveal, async (request) => {
      const position = positionOf(request);
      return desk.reveal(position, await readJsonBody(request, operatorType, SMALL_BODY_BYTES_MAX, {}));
    }),
    {
      ...post("/deadletters/:position/redrive", api.redrive, async () => ({})),
      handle: async (request, response) => {
        checkNames(request.query, ["dryRun"]);
        const isDryRun = readFlag(request.query.dryRun, "dryRun");
        const position = positionOf(request);
        // A character of the payload can take six of JSON, as \\u0000 does.
        const bytesMax = payloadBytesMax * 6 + SMALL_BODY_BYTES_MAX;
        const body = await readJsonBody(request, redriveType, bytesMax, {});
        const edited = readEdited(body.payload, payloadBytesMax);
        if (isDryRun) return sendJson(response, 200, await desk.tryRedrive(position, edited));
        const redriven = await desk.redrive(position, edited, body);
        sendJson(response, 202, redriven, { location: redriven.links.redriven_as });
      },
    },
    post("/deadletters/:position/discard", api.discard, async (request) => {
      const position = positionOf(request);
      return desk.discard(position, await readJsonBody(request, decisionType, SMALL_BODY_BYTES_MAX));
    }),
    post("/deadletters/:position/restore", api.restore, async (request) => {
      const position = positionOf(request);
      return desk.restore(position, await readJsonBody(request, decisionType, SMALL_BODY_BYTES_MAX));
    }),
  ];
}

function route(
  method: "GET" | "POST",
  path: string,
  operation: Route["operation"],
  answer: (request: Request) => Promise<object>,
): Route {
  return {
    method,
    path,
    access: "operator",
    operation,
    handle: async (request, response) => sendJson(response, 200, await answer(request)),
  };
}

/** @throws InvalidInputError for what UTF-8 cannot hold, TooLargeError */
function readEdited(payload: string | undefined, bytesMax: number): Buffer | undefined {
  if (payload === undefined) return undefined;
  if (!payload.isWellFormed()) {
    throw new InvalidInputError("payload", "payload must be Unicode text: it holds half a surrogate pair");
  }
  const bytes = Buffer.from(payload);
  if (bytes.length > bytesMax) throw new TooLargeError(`a payload may have at most ${bytesMax} bytes`);
  return bytes;
}

const FILTER_NAMES = type(filterType)
  .props.map(({ key }) => String(key))
  .sort();

const LIST_DEFAULT = "50";
const LIST_MAX = 500;
const SMALL_BODY_BYTES_MAX = 16 * 1024;
