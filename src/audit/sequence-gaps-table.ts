/**
 * The statements that read a broker's sequence numbers from the inbox, whose message ids are "<number>-<time>". The time
 * is the message's own with NATS Streaming. With JetStream it is its stream's, and every stream numbers from 1.
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

/** The state up to a position; the next audit continues above it. */
export type SequencesRead = Readonly<{ position: bigint; state: SequenceState }>;

/**
 * Reads on from a known state up to the last position that is settled: older than what a few redeliveries take. Younger
 * messages can fill a gap; while they do, no gap of their channel counts as lost.
 * @param settledSeconds undefined if nothing is settled beyond what was read before.
 * @returns the state to continue from, and the gaps that count.
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
  // The gaps that were found now lie between messages up to `upTo`: only younger ones can fill them.
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

/** The last position before the first one that was received within the settling time. */
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

/** Parameters: the domain, the sources, the position after which to read, and the last one to read. */
const MESSAGES = `
  messages as materialized (
    select position, source, channel, split_part(message_id, '-', 1)::bigint as number,
           split_part(message_id, '-', 2)::bigint as "time"
    from inbox
    where domain = $1 and source = any($2::text[]) and position > $3 and position <= $4
      -- An id of another form, put there by hand, says nothing of a broker's numbers.
      and message_id ~ '^[0-9]{1,18}-[0-8]?[0-9]{1,18}$'
      -- Of a part of a stream: the numbers that are missing may be of the other parts.
      and not (source = 'jetstream' and channel like '%/%')
  )`;

/** The places at which the numbers, in the order of their times, do not go up by one; and the last of each channel. */
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
       -- A number that is not above the one before is of a new store, which numbers from 1. The messages that a stream
       -- held before its first one arrived here were never asked for.
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

/** The messages above a position that fill a part of one of the gaps, in the order of their numbers. */
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

/** The sources whose message ids begin with a number that the broker counts up by one. */
const NUMBERED_SOURCES = ["nats-streaming", "jetstream"];
