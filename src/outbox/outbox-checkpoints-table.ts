/**
 * Every statement on the `outbox_checkpoints` table: whose turn it is to relay a domain's events, and how far the relays
 * have come. No lock is held while a batch is sent: a relay has its turn until a time of the database, and an epoch that
 * rises when another one takes over. So a relay that is paused blocks no session and no other relay.
 */
import type { Queryable } from "../database/queryable.ts";

/** Of an event in the outbox: (position, ordinal) is the order in which events happened. */
export type Place = Readonly<{ position: bigint; ordinal: number }>;

/** The turn of one relay: the place of the last event that is behind it, and the relay's epoch. */
export type Turn = Place & Readonly<{ epoch: bigint }>;

/** Whether there is anything to relay, at the cost of two look-ups. Nothing is locked. */
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
 * Takes or prolongs the turn. It waits for nobody: while another process locks the row, that one has the turn.
 * @param ownEpoch of the relay's last turn; undefined if it had none.
 * @returns undefined if another relay has the turn. A new epoch says that the relay took over.
 */
export async function takeTurn(
  database: Queryable,
  domain: string,
  ownEpoch: bigint | undefined,
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
      [domain, String(ownEpoch ?? NO_EPOCH), seconds],
    );
    if (rows[0]) return rows[0];
    // Only a row that nobody sees is inserted: an insert would wait for the transaction that locks an existing one.
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
 * Moves the checkpoint of the relay whose turn it is.
 * @param seconds for how long the turn goes on; undefined ends it.
 * @returns false if another relay has taken over; nothing was changed then.
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

/** Ends the turn of a relay that cannot send, so that another one may try. */
export async function endTurn(database: Queryable, domain: string, epoch: bigint): Promise<void> {
  await database.query("update outbox_checkpoints set turn_until = null where domain = $1 and epoch = $2", [
    domain,
    String(epoch),
  ]);
}

/** Below every epoch of a turn. */
const NO_EPOCH = -1;
