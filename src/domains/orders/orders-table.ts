/** `orders` holds search columns only; the document is the payload of the position. */
import { CopyDecoder } from "../../database/copy/copy-decoder.ts";
import { withCopyData } from "../../database/copy/copy-encoder.ts";
import type { CopySource, Queryable } from "../../database/queryable.ts";
import type { Transaction } from "../../database/transaction.ts";
import type { Order } from "./schema.ts";

export type NewOrder = Readonly<{ position: bigint; order: Order; document: Buffer }>;
export type StoredOrder = Readonly<{ orderUid: string; position: bigint; document: Buffer }>;
export type OrderSummary = Order & Readonly<{ position: bigint }>;

/** @throws DatabaseError (unique violation), without effect, if an id exists. */
export async function copyOrders(transaction: Transaction, orders: readonly NewOrder[]): Promise<void> {
  if (orders.length === 0) return;
  await withCopyData(
    (rows) => {
      for (const { position, order } of orders) {
        rows.row(5);
        rows.text(order.orderUid);
        rows.bigint(position);
        rows.text(order.customerId);
        rows.text(order.trackNumber);
        rows.timestamp(order.dateCreated);
      }
    },
    (data) =>
      transaction.scriptInSavepoint(
        "copy orders (order_uid, position, customer_id, track_number, date_created) from stdin (format binary)",
        data,
      ),
  );
}

/** Documents byte for byte; unknown ids are left out. */
export async function selectOrders(
  database: Queryable,
  orderUids: readonly string[],
): Promise<StoredOrder[]> {
  if (orderUids.length === 0) return [];
  const { rows } = await database.query<StoredRow>(
    `select order_uid as "orderUid", position, ${DOCUMENT} as document
     from orders where order_uid = any($1::text[])`,
    [orderUids],
  );
  return rows.map(toStoredOrder);
}

/** Newest first. */
export async function copyOrdersBefore(
  source: CopySource,
  before: bigint,
  limit: number,
): Promise<StoredOrder[]> {
  const copied = await source.copyOut(
    `copy (
       select order_uid, position, (select payload from inbox where inbox.position = orders.position)
       from orders where position < ${before} order by position desc limit ${limit}
     ) to stdout (format binary)`,
  );
  const orders: StoredOrder[] = [];
  const decoder = new CopyDecoder(copied);
  while (decoder.next()) {
    const orderUid = decoder.text() as string;
    orders.push({ orderUid, position: decoder.bigint(), document: decoder.bytes() as Buffer });
  }
  return orders;
}

/** Newest first, without documents. */
export async function selectSummariesBefore(
  database: Queryable,
  before: bigint,
  limit: number,
): Promise<OrderSummary[]> {
  const { rows } = await database.query<OrderSummary>(
    `select order_uid as "orderUid", position, customer_id as "customerId", track_number as "trackNumber",
            (extract(epoch from date_created) * 1000)::float8 as "dateCreated"
     from orders where position < $1 order by position desc limit $2`,
    [String(before), limit],
  );
  return rows;
}

export async function selectOrderUid(database: Queryable, position: bigint): Promise<string | undefined> {
  const { rows } = await database.query<{ orderUid: string }>(
    `select order_uid as "orderUid" from orders where position = $1`,
    [String(position)],
  );
  return rows[0]?.orderUid;
}

export async function selectPositionsOf(database: Queryable, orderUid: string): Promise<bigint[]> {
  const { rows } = await database.query<{ position: bigint }>(
    "select position from orders where order_uid = $1",
    [orderUid],
  );
  return rows.map(({ position }) => position);
}

/** One index entry per order under any plan; a join could scan the whole inbox. */
const DOCUMENT = "(select convert_from(payload, 'UTF8') from inbox where inbox.position = orders.position)";

type StoredRow = { orderUid: string; position: bigint; document: string };

/** Accepted documents are valid UTF-8, so encoding restores the bytes. */
function toStoredOrder({ orderUid, position, document }: StoredRow): StoredOrder {
  return { orderUid, position, document: Buffer.from(document) };
}
