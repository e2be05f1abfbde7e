/** The limits, each with the moment of its next free slot. */
import type { Queryable } from "../database/queryable.ts";

export type Slot = Readonly<{
  /** From the end of the statement. */
  inMs: number;
  /** How long the statement waited for the row lock. */
  queuedMs: number;
  /** The moment of the slot after it, as stored: the slot's identity. */
  nextAt: string;
}>;

/**
 * Takes the next slot by the clock of the database, unless it is more than `withinMs` away: then nothing changes.
 * @param missed an unused slot, which is given back if no later one is taken.
 */
export async function takeSlot(
  database: Queryable,
  name: string,
  intervalMs: number,
  withinMs: number,
  missed?: Slot,
): Promise<Slot | undefined> {
  const { rows } = await database.query<Slot>(
    `insert into rate_limits as limits (name, next_at)
     select $1, clock_timestamp() + $2 * interval '1 millisecond' where $3::float8 >= 0
     on conflict (name) do update set next_at = $2 * interval '1 millisecond' + ${EARLIEST}
       where ${EARLIEST} <= statement_timestamp() + $3 * interval '1 millisecond'
     returning
       greatest(0, extract(epoch from next_at - $2 * interval '1 millisecond' - clock_timestamp()) * 1000)::float8 as "inMs",
       (extract(epoch from clock_timestamp() - statement_timestamp()) * 1000)::float8 as "queuedMs",
       next_at::text as "nextAt"`,
    [name, intervalMs, Math.min(withinMs, WITHIN_MS_MAX), missed?.nextAt ?? null],
  );
  return rows[0];
}

const EARLIEST = `greatest(
  limits.next_at - case when limits.next_at = $4::timestamptz then $2 else 0 end * interval '1 millisecond',
  clock_timestamp())`;

/** Beyond any deadline; an infinite one does not fit an interval. */
const WITHIN_MS_MAX = 24 * 3_600_000;
