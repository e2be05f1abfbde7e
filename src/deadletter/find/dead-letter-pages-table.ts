/**
 * Pages of dead letters, newest or oldest first. Whatever the filter, a page is merged from a few ranges of an index,
 * each already in the order of the page: one range a state, or one a group and state where the filter is about what
 * groups have in common. So a page costs the same however many letters there are. Only a search in the payloads has
 * to look at each letter, and so is bounded.
 */

import type { Problem, RejectionCode } from "../../contract/rejection.ts";
import type { Queryable } from "../../database/queryable.ts";
import type { Transaction } from "../../database/transaction.ts";
import { STATES, type State } from "../../projector/dead-letters-table.ts";
import type { DeadLetterFilter } from "./filter.ts";

/** A place in the order of the letters. */
export type Cursor = Readonly<{ position: bigint; receivedAt: string }>;

export type ListedLetter = Readonly<{
  position: bigint;
  domain: string;
  source: string;
  channel: string;
  state: State;
  code: RejectionCode;
  fingerprint: string;
  /** The first of its problems. */
  errors: readonly Problem[];
  errorCount: number;
  originalPosition: bigint | null;
  redriveOf: bigint | null;
  payloadBytes: number;
  receivedAt: Date;
}>;

export type PageOptions = Readonly<{
  /** Begin behind this letter. */
  after?: Cursor;
  order: "newest first" | "oldest first";
  limit: number;
}>;

/** The places of the letters that match everything but the text. */
export async function selectPlaces(
  transaction: Transaction,
  filter: DeadLetterFilter,
  { after, order, limit }: PageOptions,
): Promise<Cursor[]> {
  const values: unknown[] = [];
  const bind = (value: unknown) => `$${values.push(value)}`;
  const states = filter.state ? [filter.state] : STATES;
  const direction = order === "newest first" ? "desc" : "asc";
  const beyond = order === "newest first" ? "<" : ">";

  const ofGroups = groupConditions(filter, bind);
  const inRange = ["letters.state = ranges.state"];
  if (ofGroups.length > 0) {
    inRange.push(...["domain", "fingerprint", "channel"].map((name) => `letters.${name} = ranges.${name}`));
  }
  if (filter.since) inRange.push(`letters.received_at >= ${bind(filter.since)}`);
  if (filter.until) inRange.push(`letters.received_at < ${bind(filter.until)}`);
  if (after) {
    const place = `(${bind(after.receivedAt)}::timestamptz, ${bind(String(after.position))}::bigint)`;
    inRange.push(`(letters.received_at, letters.position) ${beyond} ${place}`);
  }
  const ranges =
    ofGroups.length > 0
      ? `select domain, fingerprint, channel, state
         from dead_letter_groups
         cross join lateral (
           values ('open', open), ('redriven', redriven), ('discarded', discarded)
         ) as states (state, letters)
         where letters > 0 and state = any(${bind(states)}::text[]) and ${ofGroups.join(" and ")}`
      : `select unnest(${bind(states)}::text[]) as state`;
  const size = bind(limit);
  // In the order of the index and never by sorting all that matches, which is what a table without statistics gets.
  await transaction.script("set local enable_sort = off; set local enable_bitmapscan = off");
  const { rows } = await transaction.query<Cursor>(
    `with ranges as materialized (${ranges})
     select place.position, place.received_at::text as "receivedAt"
     from ranges cross join lateral (
       select letters.position, letters.received_at from dead_letters as letters
       where ${inRange.join(" and ")}
       order by letters.received_at ${direction}, letters.position ${direction} limit ${size}
     ) as place
     order by place.received_at ${direction}, place.position ${direction} limit ${size}`,
    values,
  );
  return rows;
}

/** The conditions of a filter that a group of letters meets as a whole or not at all. */
function groupConditions(
  { domain, code, fingerprint, channel, path }: DeadLetterFilter,
  bind: (value: unknown) => string,
): string[] {
  const conditions = Object.entries({ domain, code, fingerprint, channel }).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name} = ${bind(value)}`],
  );
  if (path !== undefined) {
    const wanted = bind(path);
    // The empty pointer is the whole document and not everything in it.
    conditions.push(
      `exists (select from unnest(paths) as path
               where path = ${wanted} or ${wanted} <> '' and starts_with(path, ${wanted} || '/'))`,
    );
  }
  return conditions;
}

/**
 * Which of the given letters hold a text, and how far was looked: payloads are read up to `bytesMax`, and at least
 * one.
 * @returns the positions that hold it, and how many of the given places were examined.
 */
export async function selectHolding(
  database: Queryable,
  positions: readonly bigint[],
  text: string,
  bytesMax: number,
): Promise<{ holding: bigint[]; examined: number }> {
  const { rows } = await database.query<{ position: bigint; holds: boolean }>(
    `with candidates as (
       select inbox.position, place, sum(octet_length(payload)) over (order by place) - octet_length(payload) as bytes
       from unnest($1::bigint[]) with ordinality as given (position, place) join inbox using (position)
     )
     select position, position($2::bytea in payload) > 0 as holds
     from candidates join inbox using (position) where bytes < $3 order by place`,
    [positions.map(String), Buffer.from(text), bytesMax],
  );
  return {
    holding: rows.filter(({ holds }) => holds).map(({ position }) => position),
    examined: rows.length,
  };
}

/** The letters at the given positions, in that order. */
export async function selectListed(
  database: Queryable,
  positions: readonly bigint[],
): Promise<ListedLetter[]> {
  const { rows } = await database.query<ListedLetter>(
    `select position, letters.domain, source, letters.channel, state, code, fingerprint,
            jsonb_path_query_array(errors, '$[0 to ${LISTED_PROBLEMS_MAX - 1}]') as errors,
            jsonb_array_length(errors) as "errorCount", original_position as "originalPosition", redrive_of as "redriveOf",
            octet_length(payload) as "payloadBytes", letters.received_at as "receivedAt"
     from unnest($1::bigint[]) with ordinality as given (position, place)
     join dead_letters as letters using (position) join inbox using (position)
     order by place`,
    [positions.map(String)],
  );
  return rows;
}

/** Where a letter stands in the order; undefined where there is no dead letter at the position. */
export async function selectCursor(database: Queryable, position: bigint): Promise<Cursor | undefined> {
  const { rows } = await database.query<Cursor>(
    `select position, received_at::text as "receivedAt" from dead_letters where position = $1`,
    [String(position)],
  );
  return rows[0];
}

/** Lines of a list that a person reads at a glance. */
export const LISTED_PROBLEMS_MAX = 5;
