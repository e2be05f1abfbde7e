/** OpenAPI descriptions of the dead letter routes. */
import {
  answer,
  FLAG,
  header,
  inPath,
  inQuery,
  jsonBody,
  named,
  type Operation,
  oneOf,
  type Parameter,
  POSITION,
  POSITION_IN_PATH,
  problems,
} from "../../contract/openapi.ts";
import { membersOf, schemaOf } from "../../contract/values/shapes.ts";
import { EXPORT_FORMATS } from "../../deadletter/export/export.ts";
import { neighboursType, overviewType, pageType } from "../../deadletter/find/documents.ts";
import { filterType } from "../../deadletter/find/filter.ts";
import {
  bulkDecisionsType,
  bulkDecisionType,
  bulksType,
  bulkType,
  decidedType,
  decisionTrialType,
  dryRunType,
  previewType,
  redrivenType,
  transformTrialType,
  trialType,
} from "../../deadletter/repair/documents.ts";
import {
  decideManyType,
  decisionType,
  operatorType,
  previewRequestType,
  redriveManyType,
  redriveType,
  transformType,
} from "../../deadletter/repair/requests.ts";
import { letterType } from "../../deadletter/show/documents.ts";
import { STATES } from "../../projector/dead-letters-table.ts";

const tags = ["dead letters"];
const FILTERS = membersOf(filterType).map(([name, schema]): Parameter => ({ name, in: "query", schema }));
const LIMIT = inQuery("limit", "maximum results, default 50", { type: "integer", minimum: 1, maximum: 500 });
export const FROM = inQuery("from", "start of a part of at most 1 MiB, in the unit of `payload.offset`", {
  type: "integer",
  minimum: 0,
});
const DRY_RUN = inQuery("dryRun", "report the result without changing anything", FLAG);
const DECISION_IN_PATH = inPath("id", "id of a bulk discard or restore", POSITION);
const BULK_IN_PATH = inPath("id", "bulk redrive id", POSITION);

const STEPS =
  "Steps are applied to each payload in turn: `set`, `remove`, `rename` and `cast` change the named places only, all other bytes stay; in a path, `#` stands for every item of an array. `jsonata` replaces the document by the expression's result; equal members keep their bytes.";

export const list: Operation = {
  tags,
  summary: "Dead letters, newest first",
  description:
    "Filters are combined with AND. `path` matches problems at this JSON pointer or below it, with array indexes written as `#`; `since` is inclusive, `until` exclusive; `q` is text in the payload, and each page searches at most 1,000 letters for it; `positions` lists letters.",
  parameters: [...FILTERS, LIMIT, inQuery("before", "`next` of the previous page", POSITION)],
  responses: {
    200: answer("a page; `next` is null on the last one", schemaOf(pageType)),
    ...problems(400),
  },
};

export const exportLetters: Operation = {
  tags,
  summary: "Export dead letters with their payloads",
  description:
    'All letters that match the filters of the list, newest first. Personal data is masked unless `reveal` is true; then each access is recorded first, and an author and a reason are required. The response is chunked; if it breaks off, the connection closes without the last chunk. NDJSON also ends with the line `{"complete":true,"letters":N}`. In CSV, an apostrophe precedes values that a spreadsheet would take for a formula; of several problems it has the first.',
  parameters: [
    { ...inQuery("format", "the format of the file", oneOf(...EXPORT_FORMATS)), required: true },
    ...FILTERS,
    inQuery("reveal", "include personal data", FLAG),
    ...membersOf(operatorType).map(([name, schema]): Parameter => ({ name, in: "query", schema })),
  ],
  responses: {
    200: {
      description: "the letters",
      content: { "application/x-ndjson": {}, "text/csv": {} },
      headers: { "content-disposition": header("attachment") },
    },
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
  description:
    "Personal data is masked; `reveal` returns it. Of a large payload, the part around the first problem is returned.",
  parameters: [POSITION_IN_PATH, FROM],
  responses: { 200: answer("the letter", schemaOf(letterType)), ...problems(400, 404) },
};

export const neighbours: Operation = {
  tags,
  summary: "The letters before and after a dead letter in the list of a filter",
  parameters: [POSITION_IN_PATH, ...FILTERS],
  responses: {
    200: answer("the neighbours, newest first", schemaOf(neighboursType)),
    ...problems(400, 404),
  },
};

export const reveal: Operation = {
  tags,
  summary: "A dead letter with unmasked personal data",
  description: "Access is recorded first.",
  parameters: [POSITION_IN_PATH, FROM],
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
  requestBody: jsonBody(named("BulkRedriveRequest", schemaOf(redriveManyType))),
  responses: {
    200: answer("dry run: the expected outcomes", schemaOf(dryRunType)),
    202: answer("started", schemaOf(bulkType), { location: header("its progress") }),
    ...problems(400, 413, 415),
  },
};

export const previewTransform: Operation = {
  tags,
  summary: "Preview a transformation of dead letters",
  description: `${STEPS} Returns samples of all kinds among the newest matching open letters: what the steps change, and the outcome that would follow. Nothing is changed. Without steps, only \`suggested_steps\` is of use.`,
  requestBody: jsonBody(named("PreviewRequest", schemaOf(previewRequestType))),
  responses: {
    200: answer("samples; personal data is masked", named("Preview", schemaOf(previewType))),
    ...problems(400, 413, 415),
  },
};

export const transform: Operation = {
  tags,
  summary: "Transform and redrive all open letters that match a filter",
  description: `${STEPS} Each transformed letter is redriven as a new message that refers to the original. Letters that the steps do not change, or cannot be applied to, stay open. Runs like \`POST /deadletters/redrive\`, whose routes also return the progress and cancel it. Requires an author and a reason, except for a dry run.`,
  parameters: [DRY_RUN],
  requestBody: jsonBody(named("TransformRequest", schemaOf(transformType))),
  responses: {
    200: answer("dry run: the expected outcomes", named("TransformDryRun", schemaOf(transformTrialType))),
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

export const discardMany = decisionOfMany(
  "Discard all open letters that match a filter",
  "Restore with `POST /deadletters/restore`.",
);
export const restoreMany = decisionOfMany("Reopen all discarded letters that match a filter", "");

export const decisions: Operation = {
  tags,
  summary: "The latest bulk discards and restores",
  responses: { 200: answer("newest first", schemaOf(bulkDecisionsType)) },
};

export const decision: Operation = {
  tags,
  summary: "Progress of a bulk discard or restore",
  parameters: [DECISION_IN_PATH],
  responses: { 200: answer("the progress", schemaOf(bulkDecisionType)), ...problems(400, 404) },
};

export const cancelDecision: Operation = {
  tags,
  summary: "Cancel a bulk discard or restore",
  description: "Letters that were already discarded or restored stay so.",
  parameters: [DECISION_IN_PATH],
  requestBody: jsonBody(schemaOf(decisionType)),
  responses: {
    200: answer("the progress", schemaOf(bulkDecisionType)),
    ...problems(400, 404, 409, 413, 415),
  },
};

export const discard = decisionOfOne("Discard a dead letter that needs no redrive");
export const restore = decisionOfOne("Reopen a discarded dead letter");

function decisionOfOne(summary: string): Operation {
  return {
    tags,
    summary,
    parameters: [POSITION_IN_PATH],
    requestBody: jsonBody(schemaOf(decisionType)),
    responses: { 200: answer("done", schemaOf(decidedType)), ...problems(400, 404, 409, 413, 415) },
  };
}

function decisionOfMany(summary: string, more: string): Operation {
  return {
    tags,
    summary,
    description:
      `The set of letters is fixed first. The first 1,000 are done when the answer arrives, the rest follows in steps; a crash does not end it. Letters that another action moved before their turn are counted as \`skipped\`. Requires an author and a reason, except for a dry run. ${more}`.trim(),
    parameters: [DRY_RUN],
    requestBody: jsonBody(named("BulkDecisionRequest", schemaOf(decideManyType))),
    responses: {
      200: answer("dry run: the number of letters", schemaOf(decisionTrialType)),
      202: answer("begun; `status` says whether it is finished", schemaOf(bulkDecisionType), {
        location: header("its progress"),
      }),
      ...problems(400, 413, 415),
    },
  };
}
