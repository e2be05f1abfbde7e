/** Dead letter routes: request → desk → answer. */
import { pipeline } from "node:stream/promises";
import { InvalidInputError, TooLargeError } from "../../contract/errors.ts";
import type { Operation } from "../../contract/openapi.ts";
import { type Request, type Route, sendJson } from "../../contract/route.ts";
import { parseExactly } from "../../contract/values/exact-json.ts";
import { readInteger, readPosition } from "../../contract/values/integers.ts";
import { readFlag } from "../../contract/values/parameters.ts";
import type { Desk } from "../../deadletter/desk.ts";
import { EXPORT_FORMATS, type ExportFormat } from "../../deadletter/export/export.ts";
import { readFilter } from "../../deadletter/find/filter.ts";
import type { Operator } from "../../deadletter/operator-actions-table.ts";
import {
  bulkLimits,
  decideManyType,
  decisionType,
  operatorType,
  previewRequestType,
  readOperator,
  redriveManyType,
  redriveType,
  transformLimits,
  transformType,
} from "../../deadletter/repair/requests.ts";
import { readSteps } from "../../deadletter/transform/steps.ts";
import { readActionBody, readJsonBody } from "../server/body.ts";
import { answerSlowly } from "../server/slow-answer.ts";
import * as api from "./deadletters-api.ts";

export function deadLetterRoutes(desk: Desk, payloadBytesMax: number): Route[] {
  const decide =
    (act: (position: bigint, operator: Decision) => Promise<object>): Answer =>
    async (request) => {
      const position = readPosition(request.params.position);
      return act(position, await readActionBody(request, decisionType, SMALL_BODY_BYTES_MAX));
    };

  const decideMany = (action: "discard" | "restore", operation: Operation) =>
    route("POST", `/deadletters/${action}`, operation, async (request) => {
      const isDryRun = readDryRun(request);
      const body = await readActionBody(request, decideManyType, SELECTION_BODY_BYTES_MAX);
      const { filter, limit = bulkLimits.fallback } = body;
      if (isDryRun) return desk.decisions.count(action, filter, limit);
      const bulk = await desk.decisions.begin(action, filter, limit, named(body));
      return new Accepted(bulk, `/deadletters/decisions/${bulk.id}`);
    });

  // The first match answers, so fixed names stand before parameters.
  return [
    route("GET", "/deadletters", api.list, async ({ query }) => {
      const { limit, before, ...filter } = query;
      const after = before === undefined ? undefined : readPosition(before, "before");
      return desk.list(readFilter(filter), readLimit(limit), after);
    }),
    route("GET", "/deadletters/groups", api.groups, async ({ query }) => {
      const { limit, state = "open", ...filter } = query;
      const isAny = state === "any";
      return desk.overview(readFilter(isAny ? filter : { ...filter, state }), readLimit(limit));
    }),
    route("GET", "/deadletters/redrives", api.bulks, () => desk.bulks()),
    route("GET", "/deadletters/redrives/:id", api.bulk, ({ params }) =>
      desk.bulk(readPosition(params.id, "id")),
    ),
    route("POST", "/deadletters/redrives/:id/cancel", api.cancel, async (request) => {
      const id = readPosition(request.params.id, "id");
      return desk.cancel(id, await readActionBody(request, decisionType, SMALL_BODY_BYTES_MAX));
    }),
    route("POST", "/deadletters/redrive", api.redriveMany, async (request) => {
      const isDryRun = readDryRun(request);
      const body = await readActionBody(request, redriveManyType, SELECTION_BODY_BYTES_MAX);
      const { filter, limit = bulkLimits.fallback, failures_max = 0 } = body;
      if (isDryRun) return new Slow((signal) => desk.tryRedriveMany(filter, limit, signal));
      const bulk = await desk.redriveMany(filter, limit, failures_max, named(body));
      return new Accepted(bulk, `/deadletters/redrives/${bulk.id}`);
    }),
    route("POST", "/deadletters/transform/preview", api.previewTransform, async (request) => {
      const body = await readJsonBody(
        request,
        withSteps(previewRequestType),
        STEPS_BYTES_MAX,
        undefined,
        parseExactly,
      );
      const { filter, steps, samples = PREVIEW_SAMPLES } = body;
      return new Slow((signal) => desk.transforms.preview(filter, steps, samples, signal));
    }),
    route("POST", "/deadletters/transform", api.transform, async (request) => {
      const isDryRun = readDryRun(request);
      const body = await readActionBody(
        request,
        withSteps(transformType),
        STEPS_BYTES_MAX,
        undefined,
        parseExactly,
      );
      const { filter, steps, limit = transformLimits.fallback, failures_max = 0 } = body;
      if (isDryRun) return new Slow((signal) => desk.transforms.dryRun(filter, steps, limit, signal));
      const bulk = await desk.redriveMany(filter, limit, failures_max, named(body), steps);
      return new Accepted(bulk, `/deadletters/redrives/${bulk.id}`);
    }),
    exportRoute(desk),
    decideMany("discard", api.discardMany),
    decideMany("restore", api.restoreMany),
    route("GET", "/deadletters/decisions", api.decisions, () => desk.decisions.list()),
    route("GET", "/deadletters/decisions/:id", api.decision, ({ params }) =>
      desk.decisions.show(readPosition(params.id, "id")),
    ),
    route("POST", "/deadletters/decisions/:id/cancel", api.cancelDecision, async (request) => {
      const id = readPosition(request.params.id, "id");
      return desk.decisions.cancel(id, await readActionBody(request, decisionType, SMALL_BODY_BYTES_MAX));
    }),
    route("GET", "/deadletters/:position", api.show, ({ params, query }) =>
      desk.show(readPosition(params.position), readFrom(query.from)),
    ),
    route("GET", "/deadletters/:position/neighbours", api.neighbours, ({ params, query }) =>
      desk.neighbours(readPosition(params.position), readFilter(query)),
    ),
    route("POST", "/deadletters/:position/reveal", api.reveal, async (request) => {
      const position = readPosition(request.params.position);
      const from = readFrom(request.query.from);
      const operator = await readActionBody(request, operatorType, SMALL_BODY_BYTES_MAX, {});
      return desk.reveal(position, operator, from);
    }),
    route("POST", "/deadletters/:position/redrive", api.redrive, async (request) => {
      const isDryRun = readDryRun(request);
      const position = readPosition(request.params.position);
      // JSON can take six characters for one of the payload (\u0000).
      const bytesMax = payloadBytesMax * 6 + SMALL_BODY_BYTES_MAX;
      const { payload, ...operator } = await readActionBody(request, redriveType, bytesMax, {});
      const edited = readEdited(payload, payloadBytesMax);
      if (isDryRun) return desk.tryRedrive(position, edited);
      const redriven = await desk.redrive(position, edited, operator);
      return new Accepted(redriven, redriven.links.redriven_as);
    }),
    route("POST", "/deadletters/:position/discard", api.discard, decide(desk.discard.bind(desk))),
    route("POST", "/deadletters/:position/restore", api.restore, decide(desk.restore.bind(desk))),
  ];
}

/** An error after the first part closes the connection, so that no client takes the export for complete. */
function exportRoute(desk: Desk): Route {
  return {
    method: "GET",
    path: "/deadletters/export",
    access: "reader",
    revealWith: "reveal",
    operation: api.exportLetters,
    handle: async (request, response) => {
      const { format, reveal, author, reason, ...filter } = request.query;
      const isRevealed = readFlag(reveal, "reveal");
      const operator = readOperator(request, { author, reason });
      const chosen = readFormat(format);
      const parts = desk.export(readFilter(filter), chosen, isRevealed ? named(operator) : undefined);
      const headers = {
        "content-type": MEDIA_TYPES[chosen],
        "content-disposition": `attachment; filename="dead-letters-${fileTime()}.${chosen}"`,
        "cache-control": "no-store",
      };
      if (request.method === "HEAD") {
        response.writeHead(200, headers).end();
        return;
      }
      const first = await parts.next();
      response.writeHead(200, headers);
      response.setTimeout(STALLED_MS_MAX, () => response.destroy());
      await pipeline(async function* () {
        if (!first.done) yield first.value.text;
        for await (const { text } of parts) yield text;
      }, response);
    },
  };
}

function readFormat(format: string | undefined): ExportFormat {
  const found = EXPORT_FORMATS.find((name) => name === format);
  if (found) return found;
  throw new InvalidInputError("format", `format must be ${EXPORT_FORMATS.join(" or ")}`);
}

/** Such as 20261121T062219Z. */
function fileTime(): string {
  return new Date().toISOString().replace(/[-:]|\.\d+/g, "");
}

type Decision = typeof decisionType.infer & Pick<Operator, "isVerified">;
type Answer = (request: Request) => Promise<object>;

class Accepted {
  readonly document: object;
  readonly location: string;

  constructor(document: object, location: string) {
    this.document = document;
    this.location = location;
  }
}

class Slow {
  readonly work: (signal: AbortSignal) => Promise<object>;

  constructor(work: Slow["work"]) {
    this.work = work;
  }
}

function route(method: "GET" | "POST", path: string, operation: Operation, answer: Answer): Route {
  return {
    method,
    path,
    access: method === "GET" ? "reader" : "operator",
    operation,
    handle: async (request, response) => {
      const result = await answer(request);
      if (result instanceof Slow) return answerSlowly(response, result.work);
      if (!(result instanceof Accepted)) return sendJson(response, 200, result);
      sendJson(response, 202, result.document, { location: result.location });
    },
  };
}

/** Errors name the mistake in a step. */
function withSteps<T>(bodyType: (value: unknown) => T): (value: unknown) => T {
  return (value) => {
    if (typeof value === "object" && value !== null && "steps" in value) readSteps(value.steps);
    return bodyType(value);
  };
}

function readLimit(limit: string | undefined): number {
  return readInteger(limit ?? LIST_DEFAULT, "limit", 1, LIST_MAX);
}

export function readFrom(from: string | undefined): number | undefined {
  return from === undefined ? undefined : readInteger(from, "from", 0, Number.MAX_SAFE_INTEGER);
}

function readDryRun({ query }: Request): boolean {
  return readFlag(query.dryRun, "dryRun");
}

function named({ author, reason, isVerified }: Partial<Decision>): Decision {
  if (author === undefined) throw new InvalidInputError("author", "author is required");
  if (reason === undefined) throw new InvalidInputError("reason", "reason is required");
  return { author, reason, isVerified };
}

/** UTF-8 cannot encode a lone surrogate. @throws InvalidInputError, TooLargeError */
function readEdited(payload: string | undefined, bytesMax: number): Buffer | undefined {
  if (payload === undefined) return undefined;
  if (!payload.isWellFormed()) {
    throw new InvalidInputError("payload", "payload must be Unicode text: it has a lone surrogate");
  }
  const bytes = Buffer.from(payload);
  if (bytes.length > bytesMax) throw new TooLargeError(`payload exceeds ${bytesMax} bytes`);
  return bytes;
}

const LIST_DEFAULT = "50";
const LIST_MAX = 500;
const SMALL_BODY_BYTES_MAX = 16 * 1024;

/** Fits a page of positions and an escaped reason. */
const SELECTION_BODY_BYTES_MAX = 64 * 1024;

const MEDIA_TYPES: Readonly<Record<ExportFormat, string>> = {
  ndjson: "application/x-ndjson",
  csv: "text/csv;charset=utf-8;header=present",
};

/** A client that stopped reading holds a part of an export in memory. */
const STALLED_MS_MAX = 120_000;
/** Steps hold expressions and values. */
const STEPS_BYTES_MAX = 256 * 1024;
const PREVIEW_SAMPLES = 5;
