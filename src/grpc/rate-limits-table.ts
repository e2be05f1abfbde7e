/** The table of limits: when the next call under each may be sent. */
import type { Queryable } from "../database/queryable.ts";

/** A moment in the future. */
export type Slot = Readonly<{
  /** From the end of the statement. */
  inMs: number;
  /** How long the statement waited for others that took slots. */
  queuedMs: number;
}>;

/**
 * Takes the next slot, the clock of the database deciding, unless it would come later than `withinMs` after the
 * statement came in: then nothing changes.
 */
export async function takeSlot(
  database: Queryable,
  name: string,
  intervalMs: number,
  withinMs: number,
): Promise<Slot | undefined> {
  const { rows } = await database.query<Slot>(
    `insert into rate_limits as limits (name, next_at)
     select $1, clock_timestamp() + $2 * interval '1 millisecond' where $3::float8 >= 0
     on conflict (name) do update
       set next_at = greatest(limits.next_at, clock_timestamp()) + $2 * interval '1 millisecond'
       where greatest(limits.next_at, clock_timestamp()) <= statement_timestamp() + $3 * interval '1 millisecond'
     returning
       greatest(0, extract(epoch from next_at - $2 * interval '1 millisecond' - clock_timestamp()) * 1000)::float8 as "inMs",
       (extract(epoch from clock_timestamp() - statement_timestamp()) * 1000)::float8 as "queuedMs"`,
    [name, intervalMs, Math.min(withinMs, WITHIN_MS_MAX)],
  );
  return rows[0];
}

/** No deadline is further away; an interval of the database has a bound. */
const WITHIN_MS_MAX = 24 * 3_600_000;
