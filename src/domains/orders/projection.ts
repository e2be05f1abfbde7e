/**
 * Projects orders. The first write of an id wins: the same id with the same bytes again is a duplicate, with other
 * bytes it is a conflict and goes to the dead letters with both positions named.
 */

import { type Outcome, PROJECTED, type Projected, type Projection } from "../../contract/domain.ts";
import type { InboxRow } from "../../contract/message.ts";
import { conflict, type Rejection } from "../../contract/rejection.ts";
import { mapInTurns } from "../../contract/values/in-turns.ts";
import { DatabaseError } from "../../database/database-error.ts";
import type { Transaction } from "../../database/transaction.ts";
import { copyOrders, type NewOrder, selectOrders } from "./orders-table.ts";
import { type Order, parseOrder } from "./schema.ts";

/** What holds an id: an order of the table, or one that comes earlier in the batch. */
type Holder = Readonly<{ position: bigint; document: Buffer }>;

type Parsed = Order | Rejection;

export class OrdersProjection implements Projection<NewOrder> {
  /** How many of the next batches look up existing ids before they write. */
  #lookupFirstBatches = 0;

  /**
   * Most batches hold new ids only: they are written at once, and the key of the table tells if an id exists already.
   * After such a conflict this batch and the next 16 look up existing ids first, because duplicates come in bursts.
   */
  async project(batch: readonly InboxRow[], transaction: Transaction): Promise<Projected<NewOrder>> {
    const parsed = await mapInTurns(batch, ({ payload }) => parseOrder(payload));
    if (this.#lookupFirstBatches === 0) {
      try {
        return await write(batch, parsed, new Map(), transaction);
      } catch (error) {
        if (!(error instanceof DatabaseError && error.isUniqueViolation)) throw error;
        this.#lookupFirstBatches = LOOKUP_FIRST_BATCHES;
      }
    } else {
      this.#lookupFirstBatches -= 1;
    }
    return await write(batch, parsed, await findHolders(parsed, transaction), transaction);
  }
}

/** @param holders of the ids that the table has; the new ids of the batch are added. */
async function write(
  batch: readonly InboxRow[],
  parsed: readonly Parsed[],
  holders: Map<string, Holder>,
  transaction: Transaction,
): Promise<Projected<NewOrder>> {
  const added: NewOrder[] = [];
  const outcomes = batch.map((row, index): Outcome => {
    const result = parsed[index] as Parsed;
    if ("code" in result) return { kind: "dead", rejection: result };
    const holder = holders.get(result.orderUid);
    if (holder) return compareWith(holder, row);
    holders.set(result.orderUid, { position: row.position, document: row.payload });
    added.push({ position: row.position, order: result, document: row.payload });
    return PROJECTED;
  });
  await copyOrders(transaction, added);
  return { outcomes, added };
}

async function findHolders(
  parsed: readonly Parsed[],
  transaction: Transaction,
): Promise<Map<string, Holder>> {
  const orderUids = new Set<string>();
  for (const result of parsed) if ("orderUid" in result) orderUids.add(result.orderUid);
  const stored = await selectOrders(transaction, [...orderUids]);
  return new Map(stored.map(({ orderUid, ...holder }) => [orderUid, holder]));
}

function compareWith(holder: Holder, row: InboxRow): Outcome {
  if (holder.document.equals(row.payload)) return { kind: "duplicate", originalPosition: holder.position };
  return { kind: "dead", rejection: conflict("/order_uid", holder.position, row.position) };
}

/** A wasted attempt costs about half of a batch, so this costs at most a thirtieth. */
const LOOKUP_FIRST_BATCHES = 16;
