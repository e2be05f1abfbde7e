/**
 * Pages of dead letters, newest or oldest first. A page is merged from index ranges that are already in page order: one
 * per state or, if the filter selects groups, one per group and state, or one per listed position. So its cost does not depend on the number of
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
  after?: Cursor | undefined;
  order: "newest first" | "oldest first";
  limit: number;
}>;

/** Ignores the filter's text `q`. */
export async function selectPlaces(
  transaction: Transaction,
  filter: DeadLetterFilter,
  { after, order, limit }: PageOptions,
): Promise<Cursor[]> {
  const { values, bind } = binding();
  const { ranges, inRange } = rangesOf(filter, bind);
  const direction = order === "newest first" ? "desc" : "asc";
  if (after) inRange.push(isBeyond(after, order, bind));
  const size = bind(limit);
  await transaction.script(IN_INDEX_ORDER);
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

/**
 * Counts matching letters, up to `most`. Ignores the filter's text `q`. Counts of whole groups are kept, so they are
 * exact and cost the same for any number of letters.
 */
export async function countPlaces(
  transaction: Transaction,
  filter: DeadLetterFilter,
  most: number,
): Promise<{ letters: bigint; isExact: boolean }> {
  const { values, bind } = binding();
  if (!filter.since && !filter.until && filter.positions === undefined) {
    const { rows } = await transaction.query<{ letters: bigint }>(
      `select coalesce(sum(letters), 0)::bigint as letters from (${groupsOf(filter, bind)}) as ranges`,
      values,
    );
    return { letters: rows[0]?.letters ?? 0n, isExact: true };
  }
  const { ranges, inRange } = rangesOf(filter, bind);
  const size = bind(most + 1);
  await transaction.script(IN_INDEX_ORDER);
  const { rows } = await transaction.query<{ letters: bigint }>(
    `with ranges as materialized (${ranges})
     select count(*) as letters from (
       select from ranges cross join lateral (
         select from dead_letters as letters where ${inRange.join(" and ")} limit ${size}
       ) as place limit ${size}
     ) as counted`,
    values,
  );
  const letters = rows[0]?.letters ?? 0n;
  return letters > most ? { letters: BigInt(most), isExact: false } : { letters, isExact: true };
}

/** Whether a letter matches, and how many matching letters are newer, up to `most`. Ignores the filter's text `q`. */
export async function selectRank(
  transaction: Transaction,
  filter: DeadLetterFilter,
  cursor: Cursor,
  most: number,
): Promise<{ isListed: boolean; newer: number }> {
  const { values, bind } = binding();
  const { ranges, inRange } = rangesOf(filter, bind);
  const newer = isBeyond(cursor, "oldest first", bind);
  const size = bind(most);
  await transaction.script(IN_INDEX_ORDER);
  const { rows } = await transaction.query<{ isListed: boolean; newer: bigint }>(
    `with ranges as materialized (${ranges})
     select exists (
       select from ranges cross join dead_letters as letters
       where letters.position = ${bind(String(cursor.position))}::bigint and ${inRange.join(" and ")}
     ) as "isListed", (
       select count(*) from (
         select from ranges cross join lateral (
           select from dead_letters as letters where ${[...inRange, newer].join(" and ")} limit ${size}
         ) as place limit ${size}
       ) as counted
     ) as newer`,
    values,
  );
  return { isListed: rows[0]?.isListed ?? false, newer: Number(rows[0]?.newer) };
}

/** The condition of a letter that comes after another in this order. */
function isBeyond(
  { receivedAt, position }: Cursor,
  order: PageOptions["order"],
  bind: (value: unknown) => string,
): string {
  const place = `(${bind(receivedAt)}::timestamptz, ${bind(String(position))}::bigint)`;
  return `(letters.received_at, letters.position) ${order === "newest first" ? "<" : ">"} ${place}`;
}

function binding() {
  const values: unknown[] = [];
  return { values, bind: (value: unknown) => `$${values.push(value)}` };
}

/** The index ranges that hold the matching letters, and the conditions of a letter in one of them. */
function rangesOf(
  filter: DeadLetterFilter,
  bind: (value: unknown) => string,
): { ranges: string; inRange: string[] } {
  const inRange: string[] = [];
  if (filter.since) inRange.push(`letters.received_at >= ${bind(filter.since)}`);
  if (filter.until) inRange.push(`letters.received_at < ${bind(filter.until)}`);
  const states = filter.state ? [filter.state] : STATES;
  if (filter.positions !== undefined) {
    inRange.push(
      "letters.position = ranges.position",
      `letters.state = any(${bind(states)}::text[])`,
      ...groupConditions(filter, bind),
    );
    const given = bind(filter.positions);
    return {
      ranges: `select distinct unnest(string_to_array(${given}, ',')::bigint[]) as position`,
      inRange,
    };
  }
  inRange.push("letters.state = ranges.state");
  if (groupConditions(filter, () => "").length === 0) {
    return { ranges: `select unnest(${bind(states)}::text[]) as state`, inRange };
  }
  inRange.push(...["domain", "fingerprint", "channel"].map((name) => `letters.${name} = ranges.${name}`));
  return { ranges: groupsOf(filter, bind), inRange };
}

/** Groups that match, a row for each state. */
function groupsOf(filter: DeadLetterFilter, bind: (value: unknown) => string): string {
  const states = filter.state ? [filter.state] : STATES;
  const conditions = [`state = any(${bind(states)}::text[])`, ...groupConditions(filter, bind)];
  return `select domain, fingerprint, channel, state, letters
     from dead_letter_groups
     cross join lateral (
       values ('open', open), ('redriven', redriven), ('discarded', discarded)
     ) as states (state, letters)
     where letters > 0 and ${conditions.join(" and ")}`;
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

/** Without statistics PostgreSQL would sort all matching rows. */
const IN_INDEX_ORDER = "set local enable_sort = off; set local enable_bitmapscan = off";
