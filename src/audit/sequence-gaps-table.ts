/**
 * Reads brokers' sequence numbers from message ids, "<number>-<time>". The time is the message's with NATS Streaming,
 * and the creation time of the stream, which numbers from 1, with JetStream.
 */
import { POSITION_MAX } from "../contract/values/integers.ts";
import type { Queryable } from "../database/queryable.ts";
import {
  type Arrival,
  type LastSequence,
  removeArrived,
  type SequenceGap,
  type SequenceState,
  sequencesToJson,
} from "./sequence-gaps.ts";

export type SequencesRead = Readonly<{ position: bigint; state: SequenceState }>;

/**
 * Continues to the last settled position: older than a few redeliveries. Younger messages can still fill a gap; while
 * they do, no gap of their channel counts as lost.
 * @param settledSeconds undefined if nothing newer is settled.
 * @returns the new state, and the gaps that count.
 */
export async function readSequences(
  database: Queryable,
  domain: string,
  known: SequencesRead,
  settledSeconds: number | undefined,
): Promise<SequencesRead & { lost: SequenceGap[] }> {
  const upTo =
    settledSeconds === undefined
      ? known.position
      : await selectSettledPosition(database, domain, known.position, settledSeconds);
  const { lasts, gaps: found } = await selectBreaks(database, domain, known, upTo);
  const candidates = [...known.state.gaps, ...found];
  // Only younger messages can fill new gaps.
  const after = known.state.gaps.length > 0 ? known.position : upTo;
  const arrivals = candidates.length > 0 ? await selectArrivals(database, domain, after, candidates) : [];
  const channelsArriving = new Set(
    arrivals.filter(({ position }) => position > upTo).map(({ gapIndex }) => channelOf(candidates[gapIndex])),
  );
  return {
    position: upTo,
    state: {
      lasts,
      gaps: removeArrived(
        candidates,
        arrivals.filter(({ position }) => position <= upTo),
      ),
    },
    lost: removeArrived(candidates, arrivals).filter((gap) => !channelsArriving.has(channelOf(gap))),
  };
}

function channelOf(gap: SequenceGap | undefined): string {
  return JSON.stringify([gap?.source, gap?.channel]);
}

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

/** Parameters: domain, sources, position after which to read, last position. */
const MESSAGES = `
  messages as materialized (
    select position, source, channel, split_part(message_id, '-', 1)::bigint as number,
           split_part(message_id, '-', 2)::bigint as "time"
    from inbox
    where domain = $1 and source = any($2::text[]) and position > $3 and position <= $4
      -- Ids of another form were inserted by hand and hold no broker's number.
      and message_id ~ '^[0-9]{1,18}-[0-8]?[0-9]{1,18}$'
      -- A filtered consumer misses the numbers of other subjects.
      and not (source = 'jetstream' and channel like '%/%')
  )`;

/** Ordered by the broker's time. */
async function selectBreaks(
  database: Queryable,
  domain: string,
  known: SequencesRead,
  upTo: bigint,
): Promise<{ lasts: LastSequence[]; gaps: SequenceGap[] }> {
  const { rows } = await database.query<
    LastSequence & { position: bigint | null; from: bigint; since: bigint; isLast: boolean }
  >(
    `with known_lasts as (
       select source, channel, number, "time"
       from jsonb_to_recordset($5::jsonb -> 'lasts') as lasts (source text, channel text, number bigint, "time" bigint)
     ), ${MESSAGES}, in_order as (
       select null::bigint as position, source, channel, number, "time" from known_lasts
       union all
       select messages.* from messages left join known_lasts using (source, channel)
       where known_lasts is null or (messages."time", messages.number) > (known_lasts."time", known_lasts.number)
     ), followed as (
       select *, coalesce(lag(number) over channel, 0) as previous, coalesce(lag("time") over channel, 0) as since,
              lead(number) over channel is null as "isLast"
       from in_order window channel as (partition by source, channel order by "time", number)
     ), begun as (
       -- A number that does not grow belongs to a new store, which numbers from 1. A stream's messages before the first
       -- received one were never requested.
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
    [domain, NUMBERED_SOURCES, String(known.position), String(upTo), sequencesToJson(known.state)],
  );
  const lasts: LastSequence[] = [];
  const gaps: SequenceGap[] = [];
  for (const { source, channel, number, time, position: before, from, since, isLast } of rows) {
    if (isLast) lasts.push({ source, channel, number, time });
    if (before !== null && number > from) {
      gaps.push({ source, channel, from, to: number - 1n, before, since, until: time });
    }
  }
  return { lasts, gaps };
}

/** Ordered by number. */
async function selectArrivals(
  database: Queryable,
  domain: string,
  after: bigint,
  gaps: readonly SequenceGap[],
): Promise<Arrival[]> {
  const { rows } = await database.query<Arrival>(
    `with ${MESSAGES}, gaps as (
       select gap.*, (place - 1)::int as "gapIndex"
       from jsonb_array_elements($5::jsonb -> 'gaps') with ordinality as listed (gap, place)
       cross join lateral jsonb_to_record(listed.gap)
         as gap (source text, channel text, "from" bigint, "to" bigint, since bigint, until bigint)
     )
     select "gapIndex", number, min(position) as position from messages join gaps using (source, channel)
     where number between gaps."from" and gaps."to" and "time" between gaps.since and gaps.until
     group by "gapIndex", number order by "gapIndex", number`,
    [domain, NUMBERED_SOURCES, String(after), String(POSITION_MAX), sequencesToJson({ lasts: [], gaps })],
  );
  return rows;
}

/** Their message ids begin with a consecutive number. */
const NUMBERED_SOURCES = ["nats-streaming", "jetstream"];
