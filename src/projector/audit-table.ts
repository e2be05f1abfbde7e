/**
 * The one query that proves conservation: every position of a domain has exactly one outcome, or none and is above
 * the checkpoint. It joins the inbox with every table that can hold an outcome, in one snapshot.
 */
import pg from "pg";
import { withTransaction } from "../database/transaction.ts";
import { type Gap, selectGaps } from "../inbox/inbox-table.ts";

export type AuditCounts = Readonly<{
  received: bigint;
  projected: bigint;
  duplicate: bigint;
  dead: bigint;
  pending: bigint;
  /** How many positions have no outcome though they are below the checkpoint, or more than one, or no inbox row. */
  broken: bigint;
  /** The lowest of them. */
  discrepancies: bigint[];
  /** What brokers numbered and never delivered: lost outside, so conservation holds all the same. */
  gaps: Gap[];
}>;

/**
 * @param gapSettledSeconds how old a message must be for what is missing below it to count.
 * @param relation the table whose `position` column holds what the domain projected.
 */
export async function auditDomain(
  pool: pg.Pool,
  domain: string,
  relation: string,
  gapSettledSeconds = GAP_SETTLED_SECONDS,
): Promise<AuditCounts> {
  return withTransaction(pool, async (transaction) => {
    // It reads every row there is: the limit for ordinary statements is not meant for it.
    await transaction.query("set local statement_timeout = 0");
    await transaction.query("set transaction read only");
    const { rows } = await transaction.query<Omit<AuditCounts, "gaps">>(conservationQuery(relation), [
      domain,
      DISCREPANCIES_MAX,
    ]);
    const gaps = await selectGaps(transaction, domain, gapSettledSeconds);
    return { ...(rows[0] as Omit<AuditCounts, "gaps">), gaps };
  });
}

function conservationQuery(relation: string): string {
  return `
    with reached as (
      select coalesce((select position from checkpoints where domain = $1), 0) as checkpoint
    ), outcomes as (
      select position, 'projected' as outcome from ${pg.escapeIdentifier(relation)}
      union all
      select position, 'duplicate' from duplicates where domain = $1
      union all
      select position, 'dead' from dead_letters where domain = $1
    ), settled as (
      select position, count(*) as times, min(outcome) as outcome from outcomes group by position
    ), received as (
      select position from inbox where domain = $1
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

/** Enough to see a pattern; the count says how many there are. */
const DISCREPANCIES_MAX = 1_000;

/** More than a few redeliveries take. */
const GAP_SETTLED_SECONDS = 120;
