/**
 * Projects orders. The first write of an id wins: the same id with the same bytes again is a duplicate, with other
 * bytes it is a conflict and goes to the dead letters with both positions named.
 */
import type { Transaction } from "../../database/transaction.ts";
import { type InboxRow, type Outcome, PROJECTED, type Projection } from "../../projector/domain.ts";
import { reject } from "../../projector/rejection.ts";
import { copyOrders, type NewOrder, selectOrders } from "./orders-table.ts";
import { parseOrder } from "./schema.ts";

/** What holds an id: an order of the table, or one that comes earlier in the batch. */
type Holder = Readonly<{ position: bigint; document: Buffer }>;

/** @param onProjected is given the new orders once they are committed. */
export async function projectOrders(
  batch: readonly InboxRow[],
  transaction: Transaction,
  onProjected: (orders: readonly NewOrder[]) => void,
): Promise<Projection> {
  const parsed = batch.map(({ payload }) => parseOrder(payload));
  const orderUids = new Set<string>();
  for (const result of parsed) if ("orderUid" in result) orderUids.add(result.orderUid);

  const holders = new Map<string, Holder>();
  for (const stored of await selectOrders(transaction, [...orderUids])) holders.set(stored.orderUid, stored);

  const added: NewOrder[] = [];
  const outcomes = batch.map((row, index): Outcome => {
    const result = parsed[index] as (typeof parsed)[number];
    if ("code" in result) return { kind: "dead", rejection: result };
    const holder = holders.get(result.orderUid);
    if (holder) return compareWith(holder, row);
    holders.set(result.orderUid, { position: row.position, document: row.payload });
    added.push({ position: row.position, order: result, document: row.payload });
    return PROJECTED;
  });
  await copyOrders(transaction, added);
  return { outcomes, onCommit: () => onProjected(added) };
}

function compareWith(holder: Holder, row: InboxRow): Outcome {
  if (holder.document.equals(row.payload)) return { kind: "duplicate", originalPosition: holder.position };
  const problem = {
    path: "/order_uid",
    rule: "first_write_wins",
    expected: `the content of position ${holder.position}`,
    received: `other content at position ${row.position}`,
  };
  return { kind: "dead", rejection: reject("conflict", problem, holder.position) };
}
