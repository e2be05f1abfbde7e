/** The table of limits: when the next call under each may be sent. */
import type { Queryable } from "../database/queryable.ts";

/** A moment in the future. */
export type Slot = Readonly<{
  /** From the end of the statement. */
  inMs: number;
  /** How long the statement waited for others that took slots. */
  queuedMs: number;
  /** The moment after it, as the row has it: the slot's identity. */
  nextAt: string;
}>;

/**
 * Takes the next slot, the clock of the database deciding, unless it would come later than `withinMs` after the
 * statement came in: then nothing changes.
 * @param missed a slot that was taken and not used; it is given back if nobody has taken a later one.
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

/** No deadline is further away; an interval of the database has a bound. */
const WITHIN_MS_MAX = 24 * 3_600_000;
