/** The orders and their items. */
import { parsePosition } from "../../contract/values/integers.ts";
import { withCopyData } from "../../database/copy/copy-encoder.ts";
import type { Queryable } from "../../database/queryable.ts";
import type { Transaction } from "../../database/transaction.ts";
import type { Order } from "./model.ts";

/** The named orders, and all unpaid ones created by then. */
export async function selectOrders(
  database: Queryable,
  named: readonly bigint[],
  createdByMs: number | undefined,
): Promise<Order[]> {
  if (named.length === 0 && createdByMs === undefined) return [];
  const { rows } = await database.query<StoredOrder>(
    `select ${COLUMNS} from loms_orders cross join lateral (${ITEMS}) as items
     where id in (
       select unnest($1::bigint[])
       union
       select id from loms_orders
       where status = 'awaiting payment' and created_at <= to_timestamp($2::float8 / 1000))`,
    [named.map(String), createdByMs ?? null],
  );
  return rows.map(orderOf);
}

export async function selectOrder(database: Queryable, id: bigint): Promise<Order | undefined> {
  const { rows } = await database.query<StoredOrder>(
    `select ${COLUMNS} from loms_orders cross join lateral (${ITEMS}) as items where id = $1::bigint`,
    [String(id)],
  );
  return rows[0] && orderOf(rows[0]);
}

/** Where the order was created, and where it changed last. @param id any text. */
export async function selectOrderPositions(database: Queryable, id: string): Promise<bigint[]> {
  const number = parsePosition(id);
  if (number === undefined) return [];
  const { rows } = await database.query<{ created: bigint; changed: bigint }>(
    "select created_position as created, position as changed from loms_orders where id = $1",
    [String(number)],
  );
  return rows.flatMap(({ created, changed }) => [...new Set([created, changed])]);
}

/** When the oldest unpaid order was created. */
export async function selectFirstUnpaid(database: Queryable): Promise<Date | undefined> {
  const { rows } = await database.query<{ createdAt: Date | null }>(
    `select min(created_at) as "createdAt" from loms_orders where status = 'awaiting payment'`,
  );
  return rows[0]?.createdAt ?? undefined;
}

export async function countUnpaid(database: Queryable): Promise<number> {
  const { rows } = await database.query<{ count: number }>(
    "select count(*)::float8 as count from loms_orders where status = 'awaiting payment'",
  );
  return rows[0]?.count ?? 0;
}

/** Adds orders as they are after the batch. */
export async function copyOrders(transaction: Transaction, orders: readonly Order[]): Promise<void> {
  if (orders.length === 0) return;
  await withCopyData(
    (rows) => {
      for (const { id, user, status, sequence, createdAtMs, createdPosition, position } of orders) {
        rows.row(7);
        rows.bigint(id);
        rows.bigint(user);
        rows.constant(status);
        rows.integer(sequence);
        rows.timestamp(createdAtMs);
        rows.bigint(createdPosition);
        rows.bigint(position);
      }
    },
    (data) =>
      transaction.script(
        `copy loms_orders (id, user_id, status, sequence, created_at, created_position, position)
         from stdin (format binary)`,
        data,
      ),
  );
  await withCopyData(
    (rows) => {
      for (const { id, items, createdPosition } of orders) {
        for (const { sku, count } of items) {
          rows.row(4);
          rows.bigint(id);
          rows.bigint(BigInt(sku));
          rows.bigint(BigInt(count));
          rows.bigint(createdPosition);
        }
      }
    },
    (data) =>
      transaction.script("copy loms_items (order_id, sku, count, position) from stdin (format binary)", data),
  );
}

/** Updates existing orders. */
export async function updateOrders(transaction: Transaction, orders: readonly Order[]): Promise<void> {
  if (orders.length === 0) return;
  await transaction.query(
    `update loms_orders as old set status = changed.status, sequence = changed.sequence, position = changed.position
     from unnest($1::bigint[], $2::text[], $3::integer[], $4::bigint[]) as changed (id, status, sequence, position)
     where old.id = changed.id`,
    [
      orders.map(({ id }) => String(id)),
      orders.map(({ status }) => status),
      orders.map(({ sequence }) => sequence),
      orders.map(({ position }) => String(position)),
    ],
  );
}

const COLUMNS = `id, user_id as "user", status, sequence, (extract(epoch from created_at) * 1000)::float8 as "createdAtMs",
  created_position as "createdPosition", position, skus, counts`;

const ITEMS = `select array_agg(sku::float8 order by sku) as skus, array_agg(count::float8 order by sku) as counts
  from loms_items where order_id = loms_orders.id`;

type StoredOrder = Omit<Order, "items"> & { skus: number[] | null; counts: number[] | null };

function orderOf({ skus, counts, ...order }: StoredOrder): Order {
  const items = (skus ?? []).map((sku, index) => ({ sku, count: counts?.[index] ?? 0 }));
  return { ...order, items };
}
