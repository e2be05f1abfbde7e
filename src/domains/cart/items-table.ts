/** Statements on `cart_items`. */
import type { Queryable } from "../../database/queryable.ts";
import type { Transaction } from "../../database/transaction.ts";
import type { Item } from "./model.ts";

/** By user and SKU ascending. */
export async function selectItems(database: Queryable, users: readonly string[]): Promise<Item[]> {
  if (users.length === 0) return [];
  const { rows } = await database.query<Item>(
    `select user_id::text as "user", sku::float8 as sku, count, frozen, position
     from cart_items where user_id = any($1::bigint[]) order by user_id, cart_items.sku`,
    [users],
  );
  return rows;
}

export async function upsertItems(transaction: Transaction, items: readonly Item[]): Promise<void> {
  if (items.length === 0) return;
  await transaction.query(
    `insert into cart_items (user_id, sku, count, frozen, position)
     select * from unnest($1::bigint[], $2::bigint[], $3::integer[], $4::integer[], $5::bigint[])
     on conflict (user_id, sku) do update
     set count = excluded.count, frozen = excluded.frozen, position = excluded.position`,
    [
      items.map(({ user }) => user),
      items.map(({ sku }) => sku),
      items.map(({ count }) => count),
      items.map(({ frozen }) => frozen),
      items.map(({ position }) => String(position)),
    ],
  );
}

export async function deleteItems(transaction: Transaction, items: readonly Item[]): Promise<void> {
  if (items.length === 0) return;
  await transaction.query(
    `delete from cart_items using unnest($1::bigint[], $2::bigint[]) as removed (user_id, sku)
     where (cart_items.user_id, cart_items.sku) = (removed.user_id, removed.sku)`,
    [items.map(({ user }) => user), items.map(({ sku }) => sku)],
  );
}
