/**
 * Projects orders. The first write of an id wins: the same id with the same bytes again is a duplicate, with other
 * bytes it is a conflict and goes to the dead letters with both positions named.
 */

import { type Outcome, PROJECTED, type Projection } from "../../contract/domain.ts";
import type { InboxRow } from "../../contract/message.ts";
import { type Rejection, reject } from "../../contract/rejection.ts";
import { DatabaseError } from "../../database/database-error.ts";
import type { Transaction } from "../../database/transaction.ts";
import { copyOrders, type NewOrder, selectOrders } from "./orders-table.ts";
import { type Order, parseOrder } from "./schema.ts";

/** What holds an id: an order of the table, or one that comes earlier in the batch. */
type Holder = Readonly<{ position: bigint; document: Buffer }>;

type Parsed = Order | Rejection;

export class OrdersProjection {
  readonly #onProjected: (orders: readonly NewOrder[]) => void;
  /** How many of the next batches are looked up before anything is written. */
  #wary = 0;

  /** @param onProjected is given the new orders once they are committed. */
  constructor(onProjected: (orders: readonly NewOrder[]) => void) {
    this.#onProjected = onProjected;
  }

  /**
   * Most batches bring new ids alone: they are written at once, and the table says by its key where one is there
   * already. Then that batch and the next few, since what is published twice seldom comes alone, look first.
   */
  async project(batch: readonly InboxRow[], transaction: Transaction): Promise<Projection> {
    const parsed = batch.map(({ payload }) => parseOrder(payload));
    if (this.#wary === 0) {
      try {
        return await this.#write(batch, parsed, new Map(), transaction);
      } catch (error) {
        if (!(error instanceof DatabaseError && error.isUniqueViolation)) throw error;
        this.#wary = WARY_BATCHES;
      }
    } else {
      this.#wary -= 1;
    }
    return await this.#write(batch, parsed, await findHolders(parsed, transaction), transaction);
  }

  /** @param holders of the ids that the table has; those of the batch are added. */
  async #write(
    batch: readonly InboxRow[],
    parsed: readonly Parsed[],
    holders: Map<string, Holder>,
    transaction: Transaction,
  ): Promise<Projection> {
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
    return { outcomes, onCommit: () => this.#onProjected(added) };
  }
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
  const problem = {
    path: "/order_uid",
    rule: "first_write_wins",
    expected: `the content of position ${holder.position}`,
    received: `other content at position ${row.position}`,
  };
  return { kind: "dead", rejection: reject("conflict", problem, holder.position) };
}

/** A wasted attempt costs about half of a batch, so this is at most a thirtieth. */
const WARY_BATCHES = 16;
