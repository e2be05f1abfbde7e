/** Statements on `notifications_changes`, which is append-only. */
import type { Queryable } from "../../database/queryable.ts";
import type { Transaction } from "../../database/transaction.ts";
import type { Arrival } from "./arrival.ts";
import type { Change } from "./change.ts";

export type StoredChange = Change & Readonly<{ position: bigint; arrival: Arrival }>;

/** Sort key of a user's changes. */
export type Place = Readonly<{ momentMs: number; position: bigint }>;

export async function selectChanges(
  database: Queryable,
  messageIds: readonly string[],
): Promise<StoredChange[]> {
  if (messageIds.length === 0) return [];
  const { rows } = await database.query<StoredChange>(
    `select ${COLUMNS} from notifications_changes where message_id = any($1::text[])`,
    [messageIds],
  );
  return rows;
}

/** Greatest sequence by order. */
export async function selectLastSequences(
  database: Queryable,
  orders: readonly bigint[],
): Promise<Map<bigint, number>> {
  if (orders.length === 0) return new Map();
  const { rows } = await database.query<{ order: bigint; last: number }>(
    `select order_id as "order", max(sequence) as last from notifications_changes
     where order_id = any($1::bigint[]) group by order_id`,
    [orders.map(String)],
  );
  return new Map(rows.map(({ order, last }) => [order, last]));
}

/** The earliest first. @param after last row of the previous page. */
export async function selectChangesOfUser(
  database: Queryable,
  user: bigint,
  { fromMs, toMs, after, limit }: { fromMs: number; toMs: number; after: Place; limit: number },
): Promise<StoredChange[]> {
  const { rows } = await database.query<StoredChange>(
    `select ${COLUMNS} from notifications_changes
     where user_id = $1::bigint and moment >= to_timestamp($2::float8 / 1000) and moment < to_timestamp($3::float8 / 1000)
       and (moment, position) > (to_timestamp($4::float8 / 1000), $5::bigint)
     order by moment, position limit $6`,
    [String(user), fromMs, toMs, after.momentMs, String(after.position), limit],
  );
  return rows;
}

/** The first thousand changes, in order of arrival. */
export async function selectChangesOfOrder(database: Queryable, order: bigint): Promise<StoredChange[]> {
  const { rows } = await database.query<StoredChange>(
    `select ${COLUMNS} from notifications_changes where order_id = $1::bigint order by position limit 1000`,
    [String(order)],
  );
  return rows;
}

export async function insertChanges(
  transaction: Transaction,
  changes: readonly StoredChange[],
): Promise<void> {
  if (changes.length === 0) return;
  await transaction.query(
    `insert into notifications_changes (position, message_id, order_id, user_id, status, moment, sequence, arrival)
     select position, message_id, order_id, user_id, status, to_timestamp(moment_ms / 1000), sequence, arrival
     from unnest($1::bigint[], $2::text[], $3::bigint[], $4::bigint[], $5::text[], $6::float8[], $7::integer[], $8::text[])
       as added (position, message_id, order_id, user_id, status, moment_ms, sequence, arrival)`,
    [
      changes.map(({ position }) => String(position)),
      changes.map(({ messageId }) => messageId),
      changes.map(({ order }) => String(order)),
      changes.map(({ user }) => String(user)),
      changes.map(({ status }) => status),
      changes.map(({ momentMs }) => momentMs),
      changes.map(({ sequence }) => sequence),
      changes.map(({ arrival }) => arrival),
    ],
  );
}

const COLUMNS = `position, message_id as "messageId", order_id as "order", user_id as "user", status,
  (extract(epoch from moment) * 1000)::float8 as "momentMs", sequence, arrival`;
