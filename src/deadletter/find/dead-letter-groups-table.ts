/** Counts of dead letters by cause: the tables `dead_letter_groups` and `dead_letter_hours`. */

import type { Problem, RejectionCode } from "../../contract/rejection.ts";
import type { Queryable } from "../../database/queryable.ts";
import type { State } from "../../projector/dead-letters-table.ts";

export type DeadLetterGroup = Readonly<{
  domain: string;
  fingerprint: string;
  code: RejectionCode;
  channels: string[];
  open: bigint;
  redriven: bigint;
  discarded: bigint;
  firstReceivedAt: Date;
  lastReceivedAt: Date;
  samplePosition: bigint;
  errors: readonly Problem[];
  lastRedrivenAt: Date | null;
}>;

/** Undefined selects all. */
export type GroupFilter = Readonly<{ domain?: string | undefined; state?: State | undefined }>;

export async function selectGroups(
  database: Queryable,
  { domain, state }: GroupFilter,
  limit: number,
): Promise<DeadLetterGroup[]> {
  const { rows } = await database.query<DeadLetterGroup>(
    `with merged as (
       select domain, fingerprint, min(code) as code, array_agg(channel order by channel) as channels,
              sum(open)::bigint as open, sum(redriven)::bigint as redriven, sum(discarded)::bigint as discarded,
              min(first_received_at) as first_received_at, max(last_received_at) as last_received_at,
              max(last_position) as last_position
       from dead_letter_groups where $3::text is null or domain = $3 group by domain, fingerprint
     ), largest as (
       select *, case $1 when 'open' then open when 'redriven' then redriven when 'discarded' then discarded
                      else open + redriven + discarded end as letters
       from merged
     )
     select largest.domain, largest.fingerprint, largest.code, channels, open, redriven, discarded,
            first_received_at as "firstReceivedAt", last_received_at as "lastReceivedAt",
            last_position as "samplePosition", sample.errors,
            (select max(acted_at) from operator_actions
             where operator_actions.domain = largest.domain and operator_actions.fingerprint = largest.fingerprint
               and action = 'redrive') as "lastRedrivenAt"
     from largest join dead_letters as sample on sample.position = last_position
     where letters > 0
     order by letters desc, last_position desc limit $2`,
    [state ?? "any", limit, domain],
  );
  return rows;
}

export type HourCount = Readonly<{ hour: Date; letters: bigint }>;

/** Letters per group and hour. */
export async function selectHours(
  database: Queryable,
  groups: readonly Readonly<{ domain: string; fingerprint: string }>[],
  since: Date,
): Promise<(HourCount & Readonly<{ domain: string; fingerprint: string }>)[]> {
  const { rows } = await database.query<HourCount & { domain: string; fingerprint: string }>(
    `select domain, fingerprint, hour, letters
     from unnest($2::text[], $3::text[]) as wanted (domain, fingerprint)
     join dead_letter_hours using (domain, fingerprint)
     where hour >= $1 order by hour`,
    [since, groups.map(({ domain }) => domain), groups.map(({ fingerprint }) => fingerprint)],
  );
  return rows;
}

export type StateCount = Readonly<{
  domain: string;
  code: RejectionCode;
  open: bigint;
  redriven: bigint;
  discarded: bigint;
}>;

/** @param domain undefined for all domains. */
export async function countByCode(database: Queryable, domain?: string): Promise<StateCount[]> {
  const { rows } = await database.query<StateCount>(
    `select domain, code, sum(open)::bigint as open, sum(redriven)::bigint as redriven,
            sum(discarded)::bigint as discarded
     from dead_letter_groups where $1::text is null or domain = $1 group by domain, code`,
    [domain],
  );
  return rows;
}

export type RecentGroup = Readonly<{
  domain: string;
  code: string;
  fingerprint: string;
  letters: bigint;
  /** The first problem of the group's newest letter. */
  path: string;
  expected: string;
}>;

/** The groups with the most letters in the current and previous hour. */
export async function selectRecentGroups(database: Queryable, limit: number): Promise<RecentGroup[]> {
  const { rows } = await database.query<RecentGroup>(
    `with recent as (
       select domain, fingerprint, sum(letters)::bigint as letters from dead_letter_hours
       where hour >= date_trunc('hour', now()) - interval '1 hour'
       group by domain, fingerprint order by letters desc, fingerprint limit $1
     ), newest as (
       select domain, fingerprint, min(letters) as letters, min(code) as code, max(last_position) as position
       from recent join dead_letter_groups using (domain, fingerprint)
       group by domain, fingerprint
     )
     select newest.domain, newest.fingerprint, letters, newest.code,
            errors -> 0 ->> 'path' as path, errors -> 0 ->> 'expected' as expected
     from newest join dead_letters using (position)`,
    [limit],
  );
  return rows;
}

/** Letters per hour. @param domain undefined for all domains. */
export async function selectTrend(
  database: Queryable,
  domain: string | undefined,
  since: Date,
): Promise<HourCount[]> {
  const { rows } = await database.query<HourCount>(
    `select hour, sum(letters)::bigint as letters from dead_letter_hours
     where hour >= $1 and ($2::text is null or domain = $2) group by hour order by hour`,
    [since, domain],
  );
  return rows;
}
