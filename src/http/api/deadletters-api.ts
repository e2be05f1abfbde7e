/** OpenAPI descriptions of the dead letter routes. */
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
const LIMIT = inQuery("limit", "maximum results, default 50", { type: "integer", minimum: 1, maximum: 500 });
const DRY_RUN = inQuery("dryRun", "report the result without changing anything", FLAG);
const BULK_IN_PATH = inPath("id", "bulk redrive id", POSITION);

export const list: Operation = {
  tags,
  summary: "Dead letters, newest first",
  description:
    "Filters are combined with AND. `path` matches problems at this JSON pointer or below it, with array indexes written as `#`; `since` is inclusive, `until` exclusive; `q` is text in the payload, and each page searches at most 1,000 letters for it.",
  parameters: [...FILTERS, LIMIT, inQuery("before", "`next` of the previous page", POSITION)],
  responses: {
    200: answer("a page; `next` is null on the last one", schemaOf(pageType)),
    ...problems(400),
  },
};

export const groups: Operation = {
  tags,
  summary: "Dead letters grouped by cause",
  parameters: [
    ...FILTERS.filter(({ name }) => name === "domain"),
    inQuery("state", "count letters in this state, default `open`", oneOf(...STATES, "any")),
    LIMIT,
  ],
  responses: {
    200: answer("groups, largest first; letters per hour, last 48 h", schemaOf(overviewType)),
    ...problems(400),
  },
};

export const show: Operation = {
  tags,
  summary: "A dead letter with its payload",
  description: "Personal data is masked; `reveal` returns it.",
  parameters: [POSITION_IN_PATH],
  responses: { 200: answer("the letter", schemaOf(letterType)), ...problems(400, 404) },
};

export const reveal: Operation = {
  tags,
  summary: "A dead letter with unmasked personal data",
  description: "Access is recorded first.",
  parameters: [POSITION_IN_PATH],
  requestBody: jsonBody(schemaOf(operatorType), false),
  responses: { 200: answer("the letter", schemaOf(letterType)), ...problems(400, 404, 413, 415) },
};

export const redrive: Operation = {
  tags,
  summary: "Redrive a dead letter, unchanged or with an edited payload",
  description:
    "Requires an author; an edited payload also requires a reason. An edited payload that would fail again is refused with 422.",
  parameters: [POSITION_IN_PATH, DRY_RUN],
  requestBody: jsonBody(schemaOf(redriveType), false),
  responses: {
    200: answer("dry run: the expected outcome", schemaOf(trialType)),
    202: answer("the letter was appended to the inbox as a new message", schemaOf(redrivenType), {
      location: header("the new message"),
    }),
    ...problems(400, 404, 409, 413, 415, 422),
  },
};

export const redriveMany: Operation = {
  tags,
  summary: "Redrive all open letters that match a filter",
  description:
    "The set of letters is fixed first. Then one letter is redriven, then ten, then the rest, oldest first. The redrive stops if more than `failures_max` (default 0) letters fail again. Requires an author and a reason, except for a dry run.",
  parameters: [DRY_RUN],
  requestBody: jsonBody(schemaOf(redriveManyType)),
  responses: {
    200: answer("dry run: the expected outcomes", schemaOf(dryRunType)),
    202: answer("started", schemaOf(bulkType), { location: header("its progress") }),
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
  summary: "Progress of a bulk redrive",
  parameters: [BULK_IN_PATH],
  responses: { 200: answer("the progress", schemaOf(bulkType)), ...problems(400, 404) },
};

export const cancel: Operation = {
  tags,
  summary: "Cancel a bulk redrive",
  description: "Letters that were already redriven stay redriven.",
  parameters: [BULK_IN_PATH],
  requestBody: jsonBody(schemaOf(decisionType)),
  responses: { 200: answer("the progress", schemaOf(bulkType)), ...problems(400, 404, 409, 413, 415) },
};

export const discard = decision("Discard a dead letter that needs no redrive");
export const restore = decision("Reopen a discarded dead letter");

function decision(summary: string): Operation {
  return {
    tags,
    summary,
    parameters: [POSITION_IN_PATH],
    requestBody: jsonBody(schemaOf(decisionType)),
    responses: { 200: answer("done", schemaOf(decidedType)), ...problems(400, 404, 409, 413, 415) },
  };
}
