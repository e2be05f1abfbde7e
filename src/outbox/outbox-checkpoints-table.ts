/**
 * The table `outbox_checkpoints`: which relay has the turn for a domain, and the last relayed event. No lock is held while
 * a batch is sent: a turn is a lease that expires by the database's clock, and its epoch rises at each takeover. So a
 * paused relay blocks neither sessions nor other relays.
 */
import type { Queryable } from "../database/queryable.ts";

/** Identifies an event; (position, ordinal) is the order of events. */
export type Place = Readonly<{ position: bigint; ordinal: number }>;

export type Turn = Place & Readonly<{ epoch: bigint }>;

/** Two index look-ups, no lock. */
export async function selectHasWork(database: Queryable, domain: string): Promise<boolean> {
  const { rows } = await database.query<{ hasWork: boolean }>(
    `select exists (
              select from outbox
              where domain = $1
                and (position, ordinal) > (coalesce(checkpoint.position, 0), coalesce(checkpoint.ordinal, -1))
            ) or exists (select from outbox_refusals where domain = $1 and state = 'released') as "hasWork"
     from (select) as one left join outbox_checkpoints as checkpoint on checkpoint.domain = $1`,
    [domain],
  );
  return rows[0]?.hasWork ?? false;
}

/**
 * Takes or extends the turn. Never waits: a process that locks the row has the turn.
 * @param lastEpoch of this relay's last turn; undefined if it had none.
 * @returns undefined if another relay has the turn. A new epoch means a takeover.
 */
export async function takeTurn(
  database: Queryable,
  domain: string,
  lastEpoch: bigint | undefined,
  seconds: number,
): Promise<Turn | undefined> {
  for (;;) {
    const { rows } = await database.query<Turn>(
      `with free as (
         select domain from outbox_checkpoints
         where domain = $1 and (epoch = $2 or turn_until is null or turn_until < clock_timestamp())
         for update skip locked
       )
       update outbox_checkpoints as checkpoint
       set epoch = case when epoch = $2 then epoch else epoch + 1 end,
           turn_until = clock_timestamp() + make_interval(secs => $3)
       from free where checkpoint.domain = free.domain
       returning checkpoint.position, checkpoint.ordinal, checkpoint.epoch`,
      [domain, String(lastEpoch ?? NO_EPOCH), seconds],
    );
    if (rows[0]) return rows[0];
    // If the row exists, an insert would wait for the transaction that locks it.
    const inserted = await database.query(
      `insert into outbox_checkpoints (domain)
       select $1 where not exists (select from outbox_checkpoints where domain = $1)
       on conflict (domain) do nothing`,
      [domain],
    );
    if (!inserted.rowCount) return undefined;
  }
}

/**
 * @param seconds extends the turn; undefined ends it.
 * @returns false, without a change, if another relay has taken over.
 */
export async function moveCheckpoint(
  transaction: Queryable,
  domain: string,
  epoch: bigint,
  { position, ordinal }: Place,
  seconds: number | undefined,
): Promise<boolean> {
  const { rowCount } = await transaction.query(
    `update outbox_checkpoints
     set position = $3, ordinal = $4, turn_until = clock_timestamp() + make_interval(secs => $5), updated_at = now()
     where domain = $1 and epoch = $2`,
    [domain, String(epoch), String(position), ordinal, seconds ?? null],
  );
  return rowCount === 1;
}

export async function endTurn(database: Queryable, domain: string, epoch: bigint): Promise<void> {
  await database.query("update outbox_checkpoints set turn_until = null where domain = $1 and epoch = $2", [
    domain,
    String(epoch),
  ]);
}

/** Below every epoch. */
const NO_EPOCH = -1;
