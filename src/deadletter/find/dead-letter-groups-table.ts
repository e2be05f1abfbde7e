/** Every statement on the tables that count dead letters by their cause: `dead_letter_groups` and `dead_letter_hours`. */

import type { Problem } from "../../contract/rejection.ts";
import type { Queryable } from "../../database/queryable.ts";
import type { State } from "../../projector/dead-letters-table.ts";

export type DeadLetterGroup = Readonly<{
  domain: string;
  fingerprint: string;
  code: string;
  channels: string[];
  open: bigint;
  redriven: bigint;
  discarded: bigint;
  firstReceivedAt: Date;
  lastReceivedAt: Date;
  /** The newest of them, and what is wrong with it. */
  samplePosition: bigint;
  errors: readonly Problem[];
  lastRedrivenAt: Date | null;
}>;

/** The groups with most letters in a state first; of the others, the most in all. */
export async function selectGroups(
  database: Queryable,
  state: State | undefined,
  limit: number,
): Promise<DeadLetterGroup[]> {
  const { rows } = await database.query<DeadLetterGroup>(
    `with merged as (
       select domain, fingerprint, min(code) as code, array_agg(channel order by channel) as channels,
              sum(open)::bigint as open, sum(redriven)::bigint as redriven, sum(discarded)::bigint as discarded,
              min(first_received_at) as first_received_at, max(last_received_at) as last_received_at,
              max(last_position) as last_position
       from dead_letter_groups group by domain, fingerprint
     ), largest as (
       select *, case $1 when 'open' then open when 'redriven' then redriven when 'discarded' then discarded
                      else open + redriven + discarded end as letters
       from merged
     )
     select largest.domain, largest.fingerprint, largest.code, channels, open, redriven, discarded,
            first_received_at as "firstReceivedAt", last_received_at as "lastReceivedAt",
            last_position as "samplePosition", sample.errors,
            (select max(acted_at) from operator_actions
             where operator_actions.fingerprint = largest.fingerprint and action = 'redrive') as "lastRedrivenAt"
     from largest join dead_letters as sample on sample.position = last_position
     where letters > 0
     order by letters desc, last_position desc limit $2`,
    [state ?? "any", limit],
  );
  return rows;
}

export type HourCount = Readonly<{ fingerprint: string; hour: Date; letters: bigint }>;

/** How many letters of each of the groups arrived in each hour from `since` on. */
export async function selectHours(
  database: Queryable,
  fingerprints: readonly string[],
  since: Date,
): Promise<HourCount[]> {
  const { rows } = await database.query<HourCount>(
    `select fingerprint, hour, sum(letters)::bigint as letters from dead_letter_hours
     where hour >= $1 and fingerprint = any($2::text[]) group by fingerprint, hour order by hour`,
    [since, fingerprints],
  );
  return rows;
}

export type StateCount = Readonly<{
  domain: string;
  code: string;
  open: bigint;
  redriven: bigint;
  discarded: bigint;
}>;

export async function countByCode(database: Queryable): Promise<StateCount[]> {
  const { rows } = await database.query<StateCount>(
    `select domain, code, sum(open)::bigint as open, sum(redriven)::bigint as redriven,
            sum(discarded)::bigint as discarded
     from dead_letter_groups group by domain, code`,
  );
  return rows;
}

export type RecentGroup = Readonly<{ domain: string; code: string; fingerprint: string; letters: bigint }>;

/** The groups to which most letters came in this hour and the one before. */
export async function selectRecentGroups(database: Queryable, limit: number): Promise<RecentGroup[]> {
  const { rows } = await database.query<RecentGroup>(
    `select domain, fingerprint, recent.letters,
            (select min(code) from dead_letter_groups as groups
             where groups.domain = recent.domain and groups.fingerprint = recent.fingerprint) as code
     from (
       select domain, fingerprint, sum(letters)::bigint as letters from dead_letter_hours
       where hour >= date_trunc('hour', now()) - interval '1 hour'
       group by domain, fingerprint order by letters desc, fingerprint limit $1
     ) as recent`,
    [limit],
  );
  return rows;
}

/** How many letters arrived in each hour from `since` on, of all groups. */
export async function selectTrend(
  database: Queryable,
  since: Date,
): Promise<{ hour: Date; letters: bigint }[]> {
  const { rows } = await database.query<{ hour: Date; letters: bigint }>(
    "select hour, sum(letters)::bigint as letters from dead_letter_hours where hour >= $1 group by hour order by hour",
    [since],
  );
  return rows;
}
