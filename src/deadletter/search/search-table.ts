/**
 * Statements of the search. Each reads an index, or a bounded number of rows: the inbox may hold many millions. The
 * materialised parts keep PostgreSQL from reading the inbox in the order of the result.
 */
import type { OutcomeName } from "../../contract/domain.ts";
import type { RejectionCode } from "../../contract/rejection.ts";
import type { Queryable } from "../../database/queryable.ts";
import type { Transaction } from "../../database/transaction.ts";

/** Without statistics PostgreSQL could scan a table. */
export async function beginSearch(transaction: Transaction): Promise<void> {
  await transaction.script("set local enable_seqscan = off");
}

export type Named = Readonly<{ position: bigint; source: string }>;

/** Newest first; without redrives, whose ids are positions. @param domain default: any. */
export async function selectByMessageId(
  database: Queryable,
  messageId: string,
  domain: string | undefined,
  limit: number,
): Promise<Named[]> {
  const { rows } = await database.query<Named>(
    `with named as materialized (
       select position, source, domain from inbox where message_id = $1 and source <> 'redrive' limit ${IDS_MAX}
     )
     select position, source from named where $2::text is null or domain = $2 order by position desc limit $3`,
    [messageId, domain ?? null, limit],
  );
  return rows;
}

export type IdRange = Readonly<{
  /** Inclusive. */
  from: string;
  /** Exclusive. */
  to: string;
  sources: readonly string[];
  channel: string | undefined;
  partition: string | undefined;
}>;

/** Newest first. @param domain default: any. @returns also how many ids of the range were examined. */
export async function selectByIdRange(
  database: Queryable,
  { from, to, sources, channel, partition }: IdRange,
  domain: string | undefined,
  limit: number,
): Promise<{ positions: bigint[]; examined: number }> {
  const { rows } = await database.query<{ positions: bigint[] | null; examined: bigint }>(
    `with named as materialized (
       select position, message_id, channel, source, domain from inbox
       where message_id >= $1 and message_id < $2 order by message_id limit ${IDS_MAX}
     ), wanted as (
       select position from named
       where source = any($3::text[]) and ($4::text is null or channel = $4)
         and ($5::text is null or split_part(message_id, '/', 3) = $5)
         and ($6::text is null or domain = $6)
       order by position desc limit $7
     )
     select (select array_agg(position order by position desc) from wanted) as positions,
            (select count(*) from named) as examined`,
    [from, to, sources, channel ?? null, partition ?? null, domain ?? null, limit],
  );
  const [row] = rows;
  return { positions: row?.positions ?? [], examined: Number(row?.examined ?? 0) };
}

/** Newest first. @param traceId 32 hexadecimal digits. @param domain default: any. */
export async function selectByTraceId(
  database: Queryable,
  traceId: string,
  domain: string | undefined,
  limit: number,
): Promise<bigint[]> {
  const { rows } = await database.query<{ position: bigint }>(
    `with traced as materialized (
       select position, domain from inbox
       where substr(traceparent, 4, 32) = $1 and traceparent is not null limit ${IDS_MAX}
     )
     select position from traced where $2::text is null or domain = $2 order by position desc limit $3`,
    [traceId, domain ?? null, limit],
  );
  return rows.map(({ position }) => position);
}

export type FoundGroup = Readonly<{
  domain: string;
  fingerprint: string;
  code: RejectionCode;
  letters: bigint;
  open: bigint;
}>;

export async function selectGroupsOf(
  database: Queryable,
  domains: readonly string[],
  fingerprint: string,
): Promise<FoundGroup[]> {
  const { rows } = await database.query<FoundGroup>(
    `select domain, fingerprint, min(code) as code, sum(open + redriven + discarded)::bigint as letters,
            sum(open)::bigint as open
     from dead_letter_groups where domain = any($1::text[]) and fingerprint = $2
     group by domain, fingerprint order by domain`,
    [domains, fingerprint],
  );
  return rows;
}

/** Newest first. */
export async function selectPending(database: Queryable, domain: string, limit: number): Promise<bigint[]> {
  const { rows } = await database.query<{ position: bigint }>(
    `select position from inbox
     where domain = $1 and position > (select coalesce(max(position), 0) from checkpoints where domain = $1)
     order by position desc limit $2`,
    [domain, limit],
  );
  return rows.map(({ position }) => position);
}

export type FoundMessage = Readonly<{
  position: bigint;
  domain: string;
  source: string;
  channel: string;
  messageId: string;
  receivedAt: Date;
  outcome: OutcomeName;
  code: RejectionCode | null;
}>;

/** In the order of the positions, without those that do not exist. @param domain default: any. */
export async function selectFound(
  database: Queryable,
  positions: readonly bigint[],
  domain: string | undefined,
): Promise<FoundMessage[]> {
  const { rows } = await database.query<FoundMessage>(
    `select position, domain, source, channel, message_id as "messageId", received_at as "receivedAt", code,
            case when position > coalesce((select checkpoints.position from checkpoints where checkpoints.domain = message.domain), 0)
                   then 'pending'
                 when code is not null then 'dead'
                 when exists (select from duplicates where duplicates.position = wanted) then 'duplicate'
                 else 'projected' end as outcome
     from unnest($1::bigint[]) with ordinality as given (wanted, place)
     -- The limit forces a lookup for each position; a join could read all of the inbox.
     cross join lateral (
       select position, domain, source, channel, message_id, received_at,
              (select code from dead_letters where dead_letters.position = wanted) as code
       from inbox where position = wanted limit 1
     ) as message
     where $2::text is null or domain = $2
     order by place`,
    [positions.map(String), domain ?? null],
  );
  return rows;
}

/** More ids than one name can have, unless the ids of another source begin like it. */
export const IDS_MAX = 1_000;
