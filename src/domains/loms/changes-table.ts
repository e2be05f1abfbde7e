/** The changes of orders, append-only. */
import { withCopyData } from "../../database/copy/copy-encoder.ts";
import type { Queryable } from "../../database/queryable.ts";
import type { Transaction } from "../../database/transaction.ts";
import type { Change } from "./model.ts";

/** By sequence. */
export async function selectChanges(database: Queryable, order: bigint): Promise<Change[]> {
  const { rows } = await database.query<Change>(
    `select order_id as "order", sequence, status, position, (extract(epoch from at) * 1000)::float8 as "atMs"
     from loms_changes where order_id = $1::bigint order by sequence`,
    [String(order)],
  );
  return rows;
}

export async function copyChanges(transaction: Transaction, changes: readonly Change[]): Promise<void> {
  if (changes.length === 0) return;
  await withCopyData(
    (rows) => {
      for (const { order, sequence, status, position, atMs } of changes) {
        rows.row(5);
        rows.bigint(order);
        rows.integer(sequence);
        rows.constant(status);
        rows.bigint(position);
        rows.timestamp(atMs);
      }
    },
    (data) =>
      transaction.script(
        "copy loms_changes (order_id, sequence, status, position, at) from stdin (format binary)",
        data,
      ),
  );
}
