/** Projects orders. The same bytes under an id are a duplicate, other bytes a `conflict`. */

import { type Outcome, PROJECTED, type Projected, type Projection } from "../../contract/domain.ts";
import type { InboxRow } from "../../contract/message.ts";
import { conflict } from "../../contract/rejection.ts";
import { DatabaseError } from "../../database/database-error.ts";
import type { Transaction } from "../../database/transaction.ts";
import { type OrderParser, orderParser, type Parsed } from "./order-parser.ts";
import { copyOrders, type NewOrder, selectOrders } from "./orders-table.ts";

/** The first order with an id, in the table or in the batch. */
type Holder = Readonly<{ position: bigint; document: Buffer }>;

export class OrdersProjection implements Projection<NewOrder> {
  /** Remaining batches. */
  #lookupFirstBatches = 0;
  readonly #parser: OrderParser;

  constructor(parser = orderParser) {
    this.#parser = parser;
  }

  /**
   * Writes at once, because most batches hold new ids only. After a conflict, this batch and the next 16 look up
   * existing ids first, because duplicates come in bursts.
   */
  async project(batch: readonly InboxRow[], transaction: Transaction): Promise<Projected<NewOrder>> {
    const parsed = await this.#parser.parse(batch.map(({ payload }) => payload));
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

/** @param holders receives the batch's new ids. */
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

/** A failed attempt costs half a batch: at most a thirtieth. */
const LOOKUP_FIRST_BATCHES = 16;
