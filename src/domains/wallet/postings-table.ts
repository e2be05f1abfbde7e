/** Adds postings. */
import { withCopyData } from "../../database/copy/copy-encoder.ts";
import type { Transaction as DatabaseTransaction } from "../../database/transaction.ts";
import type { Posting } from "./model.ts";

export async function copyPostings(
  transaction: DatabaseTransaction,
  postings: readonly Posting[],
): Promise<void> {
  if (postings.length === 0) return;
  await withCopyData(
    (rows) => {
      for (const one of postings) {
        rows.row(9);
        rows.constant(one.owner);
        rows.constant(one.currency);
        rows.constant(one.kind);
        rows.bigint(one.position);
        rows.bigint(one.sequence);
        rows.numeric(one.amount);
        rows.numeric(one.balanceAfter);
        rows.constant(one.cause);
        if (one.hold === undefined) rows.null();
        else rows.text(one.hold);
      }
    },
    (data) =>
      transaction.script(
        `copy wallet_postings (owner, currency, kind, position, sequence, amount, balance_after, cause, hold)
         from stdin (format binary)`,
        data,
      ),
  );
}
