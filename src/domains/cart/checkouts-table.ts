/** Statements on `cart_checkouts` and `cart_checkout_items`. */
import type { Queryable } from "../../database/queryable.ts";
import type { Transaction } from "../../database/transaction.ts";
import type { Checkout, FrozenItem } from "./model.ts";

export type WholeCheckout = Checkout & Readonly<{ items: readonly Pick<FrozenItem, "sku" | "count">[] }>;

/** Open checkouts of the users, and checkouts with the ids. */
export async function selectCheckoutsOf(
  database: Queryable,
  users: readonly string[],
  ids: readonly string[],
): Promise<Checkout[]> {
  if (users.length === 0) return [];
  const { rows } = await database.query<StoredCheckout>(
    `select ${COLUMNS} from cart_checkouts where user_id = any($1::bigint[]) and state = 'open'
     union select ${COLUMNS} from cart_checkouts where id = any($2::text[])`,
    [users, ids],
  );
  return rows.map(checkoutOf);
}

/** Items by SKU ascending. */
export async function selectCheckout(database: Queryable, id: string): Promise<WholeCheckout | undefined> {
  const { rows } = await database.query<StoredCheckout & Pick<WholeCheckout, "items">>(
    `select ${COLUMNS}, (
       select coalesce(json_agg(json_build_object('sku', sku, 'count', count) order by sku), '[]')
       from cart_checkout_items where checkout = id) as items
     from cart_checkouts where id = $1`,
    [id],
  );
  return rows[0] && { ...checkoutOf(rows[0]), items: rows[0].items };
}

export type OpenCheckouts = Readonly<{
  /** Exclusive position. */
  after: bigint;
  /** Minimum age. */
  ageSeconds: number;
  limit: number;
}>;

/** The oldest first. */
export async function selectOpenCheckouts(
  database: Queryable,
  { after, ageSeconds, limit }: OpenCheckouts,
): Promise<{ id: string; openedPosition: bigint }[]> {
  const { rows } = await database.query<{ id: string; openedPosition: bigint }>(
    `select id, opened_position as "openedPosition"
     from cart_checkouts join inbox on inbox.position = opened_position
     where state = 'open' and opened_position > $1::bigint
       and received_at <= clock_timestamp() - make_interval(secs => $2::float8)
     order by opened_position limit $3`,
    [String(after), ageSeconds, limit],
  );
  return rows;
}

export async function measureOpenCheckouts(
  database: Queryable,
): Promise<{ count: number; oldestSeconds: number }> {
  const { rows } = await database.query<{ count: number; oldestSeconds: number }>(
    `select count(*)::float8 as count,
            coalesce(extract(epoch from clock_timestamp() - min(received_at)), 0)::float8 as "oldestSeconds"
     from cart_checkouts join inbox on inbox.position = opened_position where state = 'open'`,
  );
  return rows[0] ?? { count: 0, oldestSeconds: 0 };
}

/** In position order: a user's checkout closes before the next one opens. */
export async function upsertCheckouts(
  transaction: Transaction,
  checkouts: readonly Checkout[],
): Promise<void> {
  if (checkouts.length === 0) return;
  await transaction.query(
    `insert into cart_checkouts (id, user_id, state, order_id, status, reason, message, opened_position, position)
     select * from unnest($1::text[], $2::bigint[], $3::text[], $4::bigint[], $5::text[], $6::text[], $7::text[], $8::bigint[],
                          $9::bigint[])
       as checkouts (id, user_id, state, order_id, status, reason, message, opened_position, position)
     order by position
     on conflict (id) do update
     set state = excluded.state, order_id = excluded.order_id, status = excluded.status, reason = excluded.reason,
         message = excluded.message, position = excluded.position`,
    [
      checkouts.map(({ id }) => id),
      checkouts.map(({ user }) => user),
      checkouts.map(({ state }) => state),
      checkouts.map(({ order }) => order ?? null),
      checkouts.map(({ status }) => status ?? null),
      checkouts.map(({ reason }) => reason ?? null),
      checkouts.map(({ message }) => message ?? null),
      checkouts.map(({ openedPosition }) => String(openedPosition)),
      checkouts.map(({ position }) => String(position)),
    ],
  );
}

export async function insertFrozenItems(
  transaction: Transaction,
  items: readonly FrozenItem[],
): Promise<void> {
  if (items.length === 0) return;
  await transaction.query(
    `insert into cart_checkout_items (checkout, sku, count, position)
     select * from unnest($1::text[], $2::bigint[], $3::integer[], $4::bigint[])`,
    [
      items.map(({ checkout }) => checkout),
      items.map(({ sku }) => sku),
      items.map(({ count }) => count),
      items.map(({ position }) => String(position)),
    ],
  );
}

const COLUMNS = `id, user_id::text as "user", state, order_id::text as "order", status, reason, message,
  opened_position as "openedPosition", position`;

type StoredCheckout = { [Name in keyof Checkout]: Checkout[Name] | null };

function checkoutOf({ order, status, reason, message, ...row }: StoredCheckout): Checkout {
  const { id, user, state, openedPosition, position } = row as Checkout;
  return {
    id,
    user,
    state,
    order: order ?? undefined,
    status: status ?? undefined,
    reason: reason ?? undefined,
    message: message ?? undefined,
    openedPosition,
    position,
  };
}
