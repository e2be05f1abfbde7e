/** The list of all operator actions: a filter enters, a page leaves as a JSON document. */
import { type } from "../../config/types.ts";
import { InvalidInputError } from "../../contract/errors.ts";
import { parsePosition } from "../../contract/values/integers.ts";
import { chosenDomains } from "../../contract/values/parameters.ts";
import { defined } from "../../contract/values/shapes.ts";
import type { Queryable } from "../../database/queryable.ts";
import { text, time } from "../find/filter.ts";
import { input, shape, verified } from "../shapes.ts";
import { ACTIONS, type ListedAction, selectListedActions } from "./actions-table.ts";

export const actionFilterType = input({
  "+": "reject",
  "author?": text(100),
  "action?": type.enumerated(...ACTIONS),
  "position?": shape("position").pipe(
    (position, context) => parsePosition(position) ?? context.error("a position"),
  ),
  "domain?": text(64),
  "since?": time,
  "until?": time,
});

const listedType = shape({
  at: "time",
  author: "string | null",
  is_verified: verified,
  action: type.enumerated(...ACTIONS),
  reason: "string | null",
  "domain?": "string",
  "source?": type("string").describe("paused or resumed"),
  "position?": "position",
  "ordinal?": type("number").describe("the event's number among those of the position"),
  "refusal?": type("string").describe("the broker's reason to refuse the event"),
  "redrive_position?": "position",
  "is_edited?": "boolean",
  "bulk_redrive?": "string",
  "bulk_decision?": "string",
  "letters?": type("number").describe("of a bulk action"),
});

export const actionsType = shape({ actions: listedType.array(), next: "string | null" });

export type ActionsDocument = typeof actionsType.infer;

/**
 * Newest first.
 * @param known names of all domains.
 * @param before `next` of the previous page.
 * @throws InvalidInputError
 */
export async function listActions(
  database: Queryable,
  known: readonly string[],
  given: unknown,
  limit: number,
  before: string | undefined,
): Promise<ActionsDocument> {
  const filter = actionFilterType(given);
  if (filter instanceof type.errors) {
    const [problem] = filter;
    const name = String(problem?.path[0] ?? "filter");
    const isUnknown = problem?.expected === "removed";
    throw new InvalidInputError(
      name,
      isUnknown ? `unknown filter ${name}` : `${name} must be ${problem?.expected}`,
    );
  }
  chosenDomains(filter.domain, known);
  if (before !== undefined && !(CURSOR.test(before) && !Number.isNaN(Date.parse(before.split("_")[0] ?? ""))))
    throw new InvalidInputError("before", "before must be the `next` of an earlier page");
  const rows = await selectListedActions(database, filter, limit, before);
  return {
    actions: rows.map(documentOf),
    next: rows.length < limit ? null : (rows.at(-1)?.cursor ?? null),
  };
}

function documentOf(row: ListedAction): typeof listedType.infer {
  return defined({
    at: row.actedAt.toISOString(),
    author: row.author,
    is_verified: row.isVerified,
    action: row.action,
    reason: row.reason,
    domain: row.domain ?? undefined,
    source: row.source ?? undefined,
    position: row.position?.toString(),
    ordinal: row.ordinal ?? undefined,
    refusal: row.refusal ?? undefined,
    redrive_position: row.redrivePosition?.toString(),
    is_edited: row.isEdited ?? undefined,
    bulk_redrive: row.bulkId?.toString(),
    bulk_decision: row.decisionId?.toString(),
    letters: row.letters === null ? undefined : Number(row.letters),
  });
}

const CURSOR = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z_[a-z]{1,20}_\d{1,18}$/;
