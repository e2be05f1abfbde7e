/** How the routes of dead letters describe themselves. */
import {
  answer,
  FLAG,
  header,
  inPath,
  inQuery,
  jsonBody,
  type Operation,
  oneOf,
  type Parameter,
  POSITION,
  POSITION_IN_PATH,
  problems,
} from "../../contract/openapi.ts";
import { membersOf, schemaOf } from "../../contract/values/shapes.ts";
import { overviewType, pageType } from "../../deadletter/find/documents.ts";
import { filterType } from "../../deadletter/find/filter.ts";
import {
  bulksType,
  bulkType,
  decidedType,
  dryRunType,
  redrivenType,
  trialType,
} from "../../deadletter/repair/documents.ts";
import {
  decisionType,
  operatorType,
  redriveManyType,
  redriveType,
} from "../../deadletter/repair/requests.ts";
import { letterType } from "../../deadletter/show/documents.ts";
import { STATES } from "../../projector/dead-letters-table.ts";

const tags = ["dead letters"];
const FILTERS = membersOf(filterType).map(([name, schema]): Parameter => ({ name, in: "query", schema }));
const LIMIT = inQuery("limit", "how many, 50 by default", { type: "integer", minimum: 1, maximum: 500 });
const DRY_RUN = inQuery("dryRun", "say what would happen and change nothing", FLAG);
const BULK_IN_PATH = inPath("id", "a bulk redrive", POSITION);

export const list: Operation = {
  tags,
  summary: "Dead letters, newest first",
  description:
    "All filters apply together. `path` finds letters with a problem at this JSON pointer or below, with array indexes as `#`; `since` is inclusive, `until` is not; `q` is text in the payload, and a page searches at most 1,000 letters for it.",
  parameters: [...FILTERS, LIMIT, inQuery("before", "the `next` of the page before", POSITION)],
  responses: { 200: answer("a page; `next` is null at the end", schemaOf(pageType)), ...problems(400) },
};

export const groups: Operation = {
  tags,
  summary: "Dead letters by their cause",
  parameters: [
    ...FILTERS.filter(({ name }) => name === "domain"),
    inQuery("state", "count the letters in this state, `open` by default", oneOf(...STATES, "any")),
    LIMIT,
  ],
  responses: {
    200: answer("groups, the largest first; letters an hour over the last two days", schemaOf(overviewType)),
    ...problems(400),
  },
};

export const show: Operation = {
  tags,
  summary: "A dead letter beside its payload",
  description: "Personal values are masked; `reveal` shows them.",
  parameters: [POSITION_IN_PATH],
  responses: { 200: answer("the letter", schemaOf(letterType)), ...problems(400, 404) },
};

export const reveal: Operation = {
  tags,
  summary: "A dead letter with nothing masked",
  description: "The access is recorded first.",
  parameters: [POSITION_IN_PATH],
  requestBody: jsonBody(schemaOf(operatorType), false),
  responses: { 200: answer("the letter", schemaOf(letterType)), ...problems(400, 404, 413, 415) },
};

export const redrive: Operation = {
  tags,
  summary: "Redrive a dead letter, as it is or with an edited payload",
  description:
    "A redrive needs an author, and one with an edited payload a reason too. An edited payload that would be dead again is refused with 422.",
  parameters: [POSITION_IN_PATH, DRY_RUN],
  requestBody: jsonBody(schemaOf(redriveType), false),
  responses: {
    200: answer("for a dry run: what would become of the letter", schemaOf(trialType)),
    202: answer("the letter was appended to the inbox again", schemaOf(redrivenType), {
      location: header("the new message"),
    }),
    ...problems(400, 404, 409, 413, 415, 422),
  },
};

export const redriveMany: Operation = {
  tags,
  summary: "Redrive all open letters that match a filter",
  description:
    "The set is frozen first. Then one letter is redriven, then ten, then the rest, the oldest first. The redrive stops by itself if more than `failures_max` (0 by default) are dead again. It needs an author and a reason unless it is a dry run.",
  parameters: [DRY_RUN],
  requestBody: jsonBody(schemaOf(redriveManyType)),
  responses: {
    200: answer("for a dry run: what would become of the letters", schemaOf(dryRunType)),
    202: answer("the redrive has begun", schemaOf(bulkType), {
      location: header("where its progress is shown"),
    }),
    ...problems(400, 413, 415),
  },
};

export const bulks: Operation = {
  tags,
  summary: "The latest bulk redrives",
  responses: { 200: answer("newest first", schemaOf(bulksType)) },
};

export const bulk: Operation = {
  tags,
  summary: "How far a bulk redrive has come",
  parameters: [BULK_IN_PATH],
  responses: { 200: answer("its progress", schemaOf(bulkType)), ...problems(400, 404) },
};

export const cancel: Operation = {
  tags,
  summary: "Cancel a bulk redrive",
  description: "Letters that were redriven stay redriven; no further ones are.",
  parameters: [BULK_IN_PATH],
  requestBody: jsonBody(schemaOf(decisionType)),
  responses: { 200: answer("how far it came", schemaOf(bulkType)), ...problems(400, 404, 409, 413, 415) },
};

export const discard = decision("Discard a dead letter that nothing has to become of");
export const restore = decision("Take a discard back");

function decision(summary: string): Operation {
  return {
    tags,
    summary,
    parameters: [POSITION_IN_PATH],
    requestBody: jsonBody(schemaOf(decisionType)),
    responses: { 200: answer("done", schemaOf(decidedType)), ...problems(400, 404, 409, 413, 415) },
  };
}
