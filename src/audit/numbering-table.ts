/**
 * The statements that read a broker's numbers from the inbox, where message ids are "<number>-<time>". The time is the
 * message's own with NATS Streaming; with JetStream it is its stream's, and every stream has numbers of its own.
 */
import type { Queryable } from "../database/queryable.ts";
import { type Gap, type LastNumber, type Numbering, numberingToJson, withoutLate } from "./numbering.ts";

/**
 * Reads on from where the numbers were looked at before.
 * @param settledSeconds what came later than that is left for the next time: a number below may be on its way.
 */
export async function readNumbering(
  database: Queryable,
  domain: string,
  known: Readonly<{ position: bigint; numbering: Numbering }>,
  settledSeconds: number,
): Promise<{ position: bigint; numbering: Numbering }> {
  const upTo = await selectSettledPosition(database, domain, known.position, settledSeconds);
  const range = [domain, NUMBERING_SOURCES, String(known.position), String(upTo)];
  const json = numberingToJson(known.numbering);
  const { lasts, gaps } = await selectBreaks(database, range, json);
  const late = known.numbering.gaps.length > 0 ? await selectLate(database, range, json) : [];
  return {
    position: upTo,
    numbering: { lasts, gaps: [...withoutLate(known.numbering.gaps, late), ...gaps] },
  };
}

/** Up to here everything came some time ago. */
async function selectSettledPosition(
  database: Queryable,
  domain: string,
  after: bigint,
  settledSeconds: number,
): Promise<bigint> {
  const { rows } = await database.query<{ position: bigint }>(
    `select coalesce(
       (select position - 1 from inbox
        where domain = $1 and position > $2 and received_at >= now() - make_interval(secs => $3)
        order by position limit 1),
       (select max(position) from inbox where domain = $1),
       0
     ) as position`,
    [domain, String(after), settledSeconds],
  );
  return rows[0]?.position ?? after;
}

const MESSAGES = `
  known_lasts as (
    select source, channel, number, "time"
    from jsonb_to_recordset($5::jsonb -> 'lasts') as lasts (source text, channel text, number bigint, "time" bigint)
  ), messages as materialized (
    select position, source, channel, split_part(message_id, '-', 1)::bigint as number,
           split_part(message_id, '-', 2)::bigint as "time"
    from inbox
    where domain = $1 and source = any($2::text[]) and position > $3 and position <= $4
      -- An id of another form, put there by hand, says nothing of a broker's numbers.
      and message_id ~ '^[0-9]{1,18}-[0-8]?[0-9]{1,18}$'
      -- Of a part of a stream: the numbers that are missing may be of the other parts.
      and not (source = 'jetstream' and channel like '%/%')
  )`;

/** Where the numbers, in the order of their times, do not go up by one; and the last one of each channel. */
async function selectBreaks(
  database: Queryable,
  range: readonly unknown[],
  known: string,
): Promise<{ lasts: LastNumber[]; gaps: Gap[] }> {
  const { rows } = await database.query<
    LastNumber & { position: bigint | null; from: bigint; since: bigint; isLast: boolean }
  >(
    `with ${MESSAGES}, in_order as (
       select null::bigint as position, source, channel, number, "time" from known_lasts
       union all
       select messages.* from messages left join known_lasts using (source, channel)
       where known_lasts is null or (messages."time", messages.number) > (known_lasts."time", known_lasts.number)
     ), followed as (
       select *, coalesce(lag(number) over channel, 0) as previous, coalesce(lag("time") over channel, 0) as since,
              lead(number) over channel is null as "isLast"
       from in_order window channel as (partition by source, channel order by "time", number)
     ), begun as (
       -- A number that is not above the one before is of a new store, whose numbers begin with 1. What a stream held
       -- before its first message came here is none of our business.
       select *, case
           when source = 'jetstream' and since <> "time" then number
           when number > previous then previous + 1
           else 1
         end as "from"
       from followed
     )
     select source, channel, number, "time", position, "from", since, "isLast" from begun
     where "isLast" or (position is not null and number > "from")
     order by source, channel, "time", number`,
    [...range, known],
  );
  const lasts: LastNumber[] = [];
  const gaps: Gap[] = [];
  for (const { source, channel, number, time, position: before, from, since, isLast } of rows) {
    if (isLast) lasts.push({ source, channel, number, time });
    if (before !== null && number > from) {
      gaps.push({ source, channel, from, to: number - 1n, before, since, until: time });
    }
  }
  return { lasts, gaps };
}

/** Messages that fill a gap which was known before. */
async function selectLate(
  database: Queryable,
  range: readonly unknown[],
  known: string,
): Promise<LastNumber[]> {
  const { rows } = await database.query<LastNumber>(
    `with ${MESSAGES}, gaps as (
       select * from jsonb_to_recordset($5::jsonb -> 'gaps')
         as gaps (source text, channel text, "from" bigint, "to" bigint, since bigint, until bigint)
     )
     select source, channel, number, "time" from messages join gaps using (source, channel)
     where number between gaps."from" and gaps."to" and "time" between gaps.since and gaps.until`,
    [...range, known],
  );
  return rows;
}

/** Those whose message ids begin with a number that the broker counts up by one. */
const NUMBERING_SOURCES = ["nats-streaming", "jetstream"];
