/** Reads the same at any later time and in any process. */
import type { Queryable } from "../../database/queryable.ts";
import type { Transaction } from "./model.ts";
import { type StoredTransaction, TRANSACTION_COLUMNS, transactionOf } from "./transactions-table.ts";

export type Receipt = Readonly<{
  transaction: Transaction;
  /** Undefined if the currency does not exist. */
  exponent: number | undefined;
  /** After the transaction, in minor units. */
  balances: Readonly<{ available: bigint; held: bigint }> | undefined;
}>;

/** By position. */
export async function selectReceipts(
  database: Queryable,
  positions: readonly bigint[],
): Promise<Map<bigint, Receipt>> {
  if (positions.length === 0) return new Map();
  const { rows } = await database.query<StoredReceipt>(
    `select decided.*, exponent, ${balanceAfter("available")} as "availableAfter", ${balanceAfter("held")} as "heldAfter"
     from (select ${TRANSACTION_COLUMNS} from wallet_transactions where position = any($1::bigint[])) as decided
     left join wallet_currencies on code = decided.currency`,
    [positions.map(String)],
  );
  return new Map(
    rows.map(({ exponent, availableAfter, heldAfter, ...row }) => [
      row.position as bigint,
      {
        transaction: transactionOf(row as StoredTransaction),
        exponent: exponent ?? undefined,
        balances:
          exponent === null ? undefined : { available: minor(availableAfter), held: minor(heldAfter) },
      },
    ]),
  );
}

/** For commands over HTTP. */
export async function selectAppended(database: Queryable, messageId: string): Promise<bigint | undefined> {
  const { rows } = await database.query<{ position: bigint }>(
    "select position from inbox where source = 'http' and channel = 'wallet' and message_id = $1",
    [messageId],
  );
  return rows[0]?.position;
}

const balanceAfter = (kind: string) => `(
  select balance_after from wallet_postings as posting
  where (posting.owner, posting.currency, posting.kind) = (decided.owner, decided.currency, '${kind}')
    and posting.position <= decided.position
  order by posting.position desc, posting.sequence desc limit 1)`;

const minor = (value: string | null): bigint => BigInt(value ?? 0);

type StoredReceipt = StoredTransaction & {
  exponent: number | null;
  availableAfter: string | null;
  heldAfter: string | null;
};
