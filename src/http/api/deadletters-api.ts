/** How the routes of dead letters describe themselves. */

import {
  answer,
  arrayOf,
  COUNT,
  FLAG,
  header,
  inPath,
  inQuery,
  jsonBody,
  nullable,
  type Operation,
  object,
  oneOf,
  type Parameter,
  POSITION,
  POSITION_IN_PATH,
  problems,
  type Schema,
  TEXT,
  TIME,
} from "../../contract/openapi.ts";
import { bulkType, decisionType, operatorType, redriveType } from "../../deadletter/repair/requests.ts";
import { BIOGRAPHY, CODE, DIFF, FINGERPRINT, PROBLEM_OF_MESSAGE, STATE } from "./messages-api.ts";

const tags = ["dead letters"];

const FILTERS: readonly Parameter[] = [
  inQuery("state", "only in this state", STATE),
  inQuery("code", "only with this code", CODE),
  inQuery("fingerprint", "only of this group", FINGERPRINT),
  inQuery("channel", "only from this channel", TEXT),
  inQuery("path", "with a problem at this JSON pointer or below; array indexes as #", TEXT),
  inQuery("since", "received at this date or date-time, or later", TEXT),
  inQuery("until", "received before this date or date-time", TEXT),
  inQuery("q", "whose payload holds this text; at most 1,000 letters are searched for a page", TEXT),
];

const LIMIT = inQuery("limit", "how many, 50 by default", { type: "integer", minimum: 1, maximum: 500 });
const DRY_RUN = inQuery("dryRun", "say what would happen and change nothing", FLAG);

const LISTED = object(
  {
    position: POSITION,
    domain: TEXT,
    source: TEXT,
    channel: TEXT,
    state: STATE,
    code: CODE,
    fingerprint: FINGERPRINT,
    errors: arrayOf(PROBLEM_OF_MESSAGE),
    error_count: COUNT,
    payload_bytes: COUNT,
    received_at: TIME,
  },
  { original_position: POSITION, redrive_of: POSITION },
);

export const list: Operation = {
  tags,
  summary: "Dead letters, newest first",
  parameters: [...FILTERS, LIMIT, inQuery("before", "the `next` of the page before", POSITION)],
  responses: {
    200: answer(
      "a page; `next` is null at the end",
      object({ deadletters: arrayOf(LISTED), next: nullable(POSITION) }, { searched: COUNT }),
    ),
    ...problems(400),
  },
};

const GROUP = object({
  fingerprint: FINGERPRINT,
  domain: TEXT,
  code: CODE,
  causes: arrayOf(object({ path: TEXT, rule: TEXT, expected: TEXT })),
  cause_count: COUNT,
  channels: arrayOf(TEXT),
  count: COUNT,
  share: { type: "number", minimum: 0, maximum: 1 },
  open: COUNT,
  redriven: COUNT,
  discarded: COUNT,
  first_seen: TIME,
  last_seen: TIME,
  sample: POSITION,
  came_back_after: nullable(TIME),
  hours: arrayOf(COUNT),
});

export const groups: Operation = {
  tags,
  summary: "Dead letters by their cause",
  parameters: [
    inQuery(
      "state",
      "count the letters in this state, `open` by default",
      oneOf("open", "redriven", "discarded", "any"),
    ),
    LIMIT,
  ],
  responses: {
    200: answer(
      "groups, the largest first; counts an hour over the last two days",
      object({
        groups: arrayOf(GROUP),
        has_more: FLAG,
        totals: object({ open: COUNT, redriven: COUNT, discarded: COUNT }),
        oldest_open: nullable(object({ position: POSITION, received_at: TIME })),
        trend: object({ since: TIME, hours: arrayOf(COUNT) }),
      }),
    ),
    ...problems(400),
  },
};

const KEPT = { anyOf: [TEXT, object({ base64: TEXT }), { type: "null" }] };

/** What the broker delivered beside the payload. */
const DELIVERED_WITH = object(
  {},
  {
    headers: arrayOf({ type: "array", items: KEPT, minItems: 2, maxItems: 2 }),
    key: KEPT,
    payload: { type: "null", description: "there was none at all, not even an empty one" },
    subject: KEPT,
  },
);

const LETTER = object(
  {
    ...BIOGRAPHY.required,
    state: STATE,
    code: CODE,
    fingerprint: FINGERPRINT,
    errors: arrayOf(PROBLEM_OF_MESSAGE),
    payload: object({
      bytes: COUNT,
      encoding: oneOf("text", "base64"),
      content: TEXT,
      offset: COUNT,
      is_whole: FLAG,
      is_masked: FLAG,
    }),
  },
  { ...BIOGRAPHY.optional, with: DELIVERED_WITH },
);

export const show: Operation = {
  tags,
  summary: "A dead letter beside its payload",
  description: "Values about a person are masked; `reveal` shows them.",
  parameters: [POSITION_IN_PATH],
  responses: { 200: answer("the letter", LETTER), ...problems(400, 404) },
};

export const reveal: Operation = {
  tags,
  summary: "The same with nothing masked",
  description: "That it was asked for is recorded first.",
  parameters: [POSITION_IN_PATH],
  requestBody: jsonBody(schemaOf(operatorType), false),
  responses: { 200: answer("the letter", LETTER), ...problems(400, 404, 413) },
};

const TRIAL = object(
  {
    dry_run: { const: true },
    outcome: oneOf("projected", "duplicate", "dead"),
    errors: arrayOf(PROBLEM_OF_MESSAGE),
  },
  { code: CODE, fingerprint: FINGERPRINT, original_position: POSITION, diff: DIFF },
);

const REDRIVEN = object({
  position: POSITION,
  redrive_position: POSITION,
  links: object({ redriven_as: TEXT }),
});

export const redrive: Operation = {
  tags,
  summary: "Redrive a dead letter, as it is or with an edited payload",
  description:
    "An edited payload needs an author and a reason, and is refused with 422 where it would be dead again.",
  parameters: [POSITION_IN_PATH, DRY_RUN],
  requestBody: jsonBody(schemaOf(redriveType), false),
  responses: {
    200: answer("of a dry run: what would become of it", TRIAL),
    202: answer("it is in the inbox again", REDRIVEN, { location: header("the new message") }),
    ...problems(400, 404, 409, 413, 422),
  },
};

const BULK = object(
  {
    id: TEXT,
    domain: TEXT,
    filter: { type: "object", additionalProperties: TEXT },
    author: TEXT,
    reason: TEXT,
    failures_max: COUNT,
    status: oneOf("running", "finished", "stopped", "cancelled"),
    letters: COUNT,
    redriven: COUNT,
    skipped: COUNT,
    projected: COUNT,
    duplicate: COUNT,
    dead: COUNT,
    created_at: TIME,
    updated_at: TIME,
  },
  { failures: arrayOf(object({ fingerprint: FINGERPRINT, code: CODE, count: COUNT, sample: POSITION })) },
);

export const redriveMany: Operation = {
  tags,
  summary: "Redrive all open letters that match a filter",
  description:
    "The set is frozen first, the oldest first; then one is redriven, ten, the rest. It stops by itself where more than `failures_max` (0 by default) die again. Author and reason are needed unless it is a dry run.",
  parameters: [DRY_RUN],
  requestBody: jsonBody(schemaOf(bulkType)),
  responses: {
    200: answer(
      "of a dry run: what would become of them",
      object({
        dry_run: { const: true },
        letters: COUNT,
        projected: COUNT,
        duplicate: COUNT,
        conflict: COUNT,
        dead: COUNT,
        failures: arrayOf(
          object({
            fingerprint: FINGERPRINT,
            code: CODE,
            count: COUNT,
            sample: POSITION,
            errors: arrayOf(PROBLEM_OF_MESSAGE),
          }),
        ),
      }),
    ),
    202: answer("it has begun", BULK, { location: header("where its progress is shown") }),
    ...problems(400, 413),
  },
};

export const bulks: Operation = {
  tags,
  summary: "The latest bulk redrives",
  responses: { 200: answer("newest first", object({ redrives: arrayOf(BULK) })) },
};

const BULK_IN_PATH = inPath("id", "a bulk redrive", POSITION);

export const bulk: Operation = {
  tags,
  summary: "How far a bulk redrive has come",
  parameters: [BULK_IN_PATH],
  responses: { 200: answer("its progress", BULK), ...problems(400, 404) },
};

export const cancel: Operation = {
  tags,
  summary: "Cancel a bulk redrive",
  description: "What was redriven stays; nothing more is.",
  parameters: [BULK_IN_PATH],
  requestBody: jsonBody(schemaOf(decisionType)),
  responses: { 200: answer("where it ended", BULK), ...problems(400, 404, 409, 413) },
};

const decision = (summary: string): Operation => ({
  tags,
  summary,
  parameters: [POSITION_IN_PATH],
  requestBody: jsonBody(schemaOf(decisionType)),
  responses: {
    200: answer("done", object({ position: POSITION, state: STATE })),
    ...problems(400, 404, 409, 413),
  },
});

export const discard = decision("Discard a dead letter that nobody needs");
export const restore = decision("Take a discard back");

function schemaOf(bodyType: { toJsonSchema: () => object }): Schema {
  const { $schema: _version, ...schema } = bodyType.toJsonSchema() as Record<string, unknown>;
  return schema;
}
