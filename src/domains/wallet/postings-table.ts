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
      for (const posting of postings) {
        rows.row(9);
        rows.constant(posting.owner);
        rows.constant(posting.currency);
        rows.constant(posting.kind);
        rows.bigint(posting.position);
        rows.bigint(posting.sequence);
        rows.numeric(posting.amount);
        rows.numeric(posting.balanceAfter);
        rows.constant(posting.cause);
        if (posting.hold === undefined) rows.null();
        else rows.text(posting.hold);
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
