/**
 * Proves conservation: every position of a domain has exactly one outcome, or has none and is above the checkpoint. One
 * query joins the inbox with all outcome tables; after a proved position it reads only newer messages.
 */
import pg from "pg";
import type { Queryable } from "../database/queryable.ts";

export type Conservation = Readonly<{
  received: bigint;
  projected: bigint;
  duplicate: bigint;
  dead: bigint;
  pending: bigint;
  /** Positions without an inbox row, with several outcomes, or with none although they are below the checkpoint. */
  broken: bigint;
  /** The lowest of them, DISCREPANCIES_MAX at most. */
  discrepancies: bigint[];
}>;

/** @param relation the table whose `position` column holds projected positions. */
export async function selectConservation(
  database: Queryable,
  domain: string,
  relation: string,
  after: bigint,
): Promise<Conservation> {
  const values = [domain, DISCREPANCIES_MAX, String(after)];
  const { rows } = await database.query<Conservation>(conservationQuery(relation), values);
  return rows[0] as Conservation;
}

/**
 * Positions without an outcome that arrived after the proof. Appends only add positions above the head, so no projector
 * will see these.
 */
export async function selectLate(
  database: Queryable,
  domain: string,
  relation: string,
  upTo: bigint,
  since: Date,
): Promise<bigint[]> {
  const { rows } = await database.query<{ position: bigint }>(
    `select position from inbox
     where domain = $1 and position <= $2 and received_at > $3::timestamptz - make_interval(secs => ${COMMIT_SECONDS_MAX})
       and not exists (select from ${pg.escapeIdentifier(relation)} as projected where projected.position = inbox.position)
       and not exists (select from duplicates where duplicates.position = inbox.position)
       and not exists (select from dead_letters where dead_letters.position = inbox.position)
     order by position`,
    [domain, String(upTo), since],
  );
  return rows.map(({ position }) => position);
}

function conservationQuery(relation: string): string {
  return `
    with reached as (
      select coalesce((select position from checkpoints where domain = $1), 0) as checkpoint
    ), outcomes as (
      select position, 'projected' as outcome from ${pg.escapeIdentifier(relation)} where position > $3
      union all
      select position, 'duplicate' from duplicates where domain = $1 and position > $3
      union all
      select position, 'dead' from dead_letters where domain = $1 and position > $3
    ), settled as (
      select position, count(*) as times, min(outcome) as outcome from outcomes group by position
    ), received as (
      select position from inbox where domain = $1 and position > $3
    ), judged as (
      select coalesce(received.position, settled.position) as position,
             received.position is not null as is_received,
             settled.outcome,
             case
               when received.position is null then false
               when settled.times is null then received.position > reached.checkpoint
               else settled.times = 1 and received.position <= reached.checkpoint
             end as holds
      from received full join settled on settled.position = received.position cross join reached
    )
    select count(*) filter (where is_received) as received,
           count(*) filter (where holds and outcome = 'projected') as projected,
           count(*) filter (where holds and outcome = 'duplicate') as duplicate,
           count(*) filter (where holds and outcome = 'dead') as dead,
           count(*) filter (where holds and outcome is null) as pending,
           count(*) filter (where not holds) as broken,
           coalesce(
             (array_agg(position order by position) filter (where not holds))[1:$2::int],
             '{}'
           ) as discrepancies
    from judged`;
}

/** Longer than any append takes from its start, `received_at`, to its commit. */
const COMMIT_SECONDS_MAX = 60;

/** Enough to see a pattern. */
export const DISCREPANCIES_MAX = 1_000;
