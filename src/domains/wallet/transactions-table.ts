/** Statements on transactions for the projection. Rows are only added. */
import { withCopyData } from "../../database/copy/copy-encoder.ts";
import type { Queryable } from "../../database/queryable.ts";
import type { Transaction as DatabaseTransaction } from "../../database/transaction.ts";
import type { Transaction } from "./model.ts";

export async function selectTransactions(
  database: Queryable,
  wanted: readonly Pick<Transaction, "owner" | "id">[],
): Promise<Transaction[]> {
  if (wanted.length === 0) return [];
  const { rows } = await database.query<StoredTransaction>(
    `select ${TRANSACTION_COLUMNS}
     from unnest($1::text[], $2::text[]) as wanted (owner, id) join wallet_transactions using (owner, id)`,
    [wanted.map(({ owner }) => owner), wanted.map(({ id }) => id)],
  );
  return rows.map(transactionOf);
}

/** The last reversal of each holds the sum. */
export async function selectReversed(
  database: Queryable,
  positions: readonly bigint[],
): Promise<Map<bigint, bigint>> {
  if (positions.length === 0) return new Map();
  const { rows } = await database.query<{ original: bigint; total: string }>(
    `select original, last.total from unnest($1::bigint[]) as original cross join lateral (
       select reversed_total as total from wallet_transactions
       where original_position = original and reversed_total is not null order by position desc limit 1
     ) as last`,
    [positions.map(String)],
  );
  return new Map(rows.map(({ original, total }) => [original, BigInt(total)]));
}

/** 0 without one. */
export async function selectLastPosition(database: Queryable): Promise<bigint> {
  const { rows } = await database.query<{ position: bigint }>(
    "select coalesce(max(position), 0) as position from wallet_transactions",
  );
  return rows[0]?.position ?? 0n;
}

export async function copyTransactions(
  transaction: DatabaseTransaction,
  transactions: readonly Transaction[],
): Promise<void> {
  if (transactions.length === 0) return;
  await withCopyData(
    (rows) => {
      const text = (value: string | undefined) => (value === undefined ? rows.null() : rows.constant(value));
      const numeric = (value: bigint | undefined) =>
        value === undefined ? rows.null() : rows.numeric(value);
      for (const decided of transactions) {
        rows.row(13);
        rows.bigint(decided.position);
        rows.text(decided.owner);
        rows.text(decided.id);
        rows.constant(decided.type);
        text(decided.reason);
        rows.timestamp(decided.atMs);
        text(decided.currency);
        numeric(decided.amount);
        text(decided.counterparty);
        text(decided.hold);
        if (decided.originalPosition === undefined) rows.null();
        else rows.bigint(decided.originalPosition);
        numeric(decided.reversedTotal);
        numeric(decided.available);
      }
    },
    (data) =>
      transaction.script(
        `copy wallet_transactions (position, owner, id, type, reason, at, currency, amount, counterparty, hold,
           original_position, reversed_total, available) from stdin (format binary)`,
        data,
      ),
  );
}

const AT_MS = `(extract(epoch from at) * 1000)::float8 as "atMs"`;

export const TRANSACTION_COLUMNS = `position, owner, id, type, reason, ${AT_MS}, currency, amount, counterparty, hold,
  original_position as "originalPosition", reversed_total as "reversedTotal", available`;

export type StoredTransaction = {
  [Name in keyof Transaction]: Name extends "amount" | "reversedTotal" | "available"
    ? string | null
    : Transaction[Name] | null;
};

export function transactionOf(row: StoredTransaction): Transaction {
  const minor = (value: string | null) => (value === null ? undefined : BigInt(value));
  const present = Object.fromEntries(Object.entries(row).map(([name, value]) => [name, value ?? undefined]));
  return {
    ...(present as Transaction),
    amount: minor(row.amount),
    reversedTotal: minor(row.reversedTotal),
    available: minor(row.available),
  };
}
