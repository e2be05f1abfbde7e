/**
 * Pages of dead letters, newest or oldest first. A page is merged from index ranges that are already in page order: one
 * per state or, if the filter selects groups, one per group and state. So its cost does not depend on the number of
 * letters. Only a search in payloads reads every letter; it is bounded.
 */

import type { Problem, RejectionCode } from "../../contract/rejection.ts";
import type { Queryable } from "../../database/queryable.ts";
import type { Transaction } from "../../database/transaction.ts";
import { STATES, type State } from "../../projector/dead-letters-table.ts";
import type { DeadLetterFilter } from "./filter.ts";

export type Cursor = Readonly<{ position: bigint; receivedAt: string }>;

export type ListedLetter = Readonly<{
  position: bigint;
  domain: string;
  source: string;
  channel: string;
  state: State;
  code: RejectionCode;
  fingerprint: string;
  errors: readonly Problem[];
  errorCount: number;
  originalPosition: bigint | null;
  redriveOf: bigint | null;
  payloadBytes: number;
  receivedAt: Date;
}>;

export type PageOptions = Readonly<{
  after?: Cursor;
  order: "newest first" | "oldest first";
  limit: number;
}>;

/** Ignores the filter's text `q`. */
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
  // Forces index order: without statistics PostgreSQL would sort all matching rows.
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

/** Conditions that hold for all letters of a group or for none. */
function groupConditions(
  { domain, code, fingerprint, channel, path }: DeadLetterFilter,
  bind: (value: unknown) => string,
): string[] {
  const conditions = Object.entries({ domain, code, fingerprint, channel }).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name} = ${bind(value)}`],
  );
  if (path !== undefined) {
    const wanted = bind(path);
    // The empty pointer matches problems of the whole document only.
    conditions.push(
      `exists (select from unnest(paths) as path
               where path = ${wanted} or ${wanted} <> '' and starts_with(path, ${wanted} || '/'))`,
    );
  }
  return conditions;
}

/**
 * Searches payloads for a text, up to `bytesMax` and at least one.
 * @returns matching positions, and how many of the given positions were examined.
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

/** In the order of the positions. */
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

/** @returns undefined if there is no dead letter at the position. */
export async function selectCursor(database: Queryable, position: bigint): Promise<Cursor | undefined> {
  const { rows } = await database.query<Cursor>(
    `select position, received_at::text as "receivedAt" from dead_letters where position = $1`,
    [String(position)],
  );
  return rows[0];
}

/** Keeps a list readable. */
export const LISTED_PROBLEMS_MAX = 5;
