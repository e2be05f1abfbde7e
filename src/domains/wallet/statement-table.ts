/** An owner's history: own commands, received transfers and expired holds. */
import type { Queryable } from "../../database/queryable.ts";
import type { Posting, Transaction } from "./model.ts";
import { type StoredTransaction, TRANSACTION_COLUMNS, transactionOf } from "./transactions-table.ts";

export type Entry = Readonly<{
  transaction: Transaction;
  /** On the owner's accounts only. */
  postings: readonly Posting[];
}>;

export type StatementFilter = Readonly<{
  currency?: string | undefined;
  status?: "succeeded" | "declined" | undefined;
  /** Exclusive. */
  before: bigint;
  limit: number;
}>;

/** Newest first. The limit counts positions, so their postings stay together. */
export async function selectStatement(
  database: Queryable,
  owner: string,
  { currency, status, before, limit }: StatementFilter,
): Promise<Entry[]> {
  const { rows } = await database.query<{ position: bigint }>(
    `select position from (
       select moved.position from wallet_accounts as account cross join lateral (
         select distinct posting.position from wallet_postings as posting
         where (posting.owner, posting.currency, posting.kind) = (account.owner, account.currency, account.kind)
           and posting.position < $2::bigint
         order by posting.position desc limit $3
       ) as moved
       where account.owner = $1 and ($4::text is null or account.currency = $4) and $5::text is distinct from 'declined'
       union
       (select position from wallet_transactions
        where owner = $1 and reason is not null and position < $2::bigint
          and ($4::text is null or currency = $4) and $5::text is distinct from 'succeeded'
        order by position desc limit $3)
     ) as found
     order by position desc limit $3`,
    [owner, String(before), limit, currency ?? null, status ?? null],
  );
  return selectEntries(
    database,
    owner,
    rows.map(({ position }) => position),
  );
}

/** @returns undefined if it does not concern the owner. */
export async function selectEntry(
  database: Queryable,
  owner: string,
  position: bigint,
): Promise<Entry | undefined> {
  const [entry] = await selectEntries(database, owner, [position]);
  const isOwn = entry && (entry.transaction.owner === owner || entry.postings.length > 0);
  return isOwn ? entry : undefined;
}

/** In the given order. */
export async function selectEntries(
  database: Queryable,
  owner: string,
  positions: readonly bigint[],
): Promise<Entry[]> {
  if (positions.length === 0) return [];
  const values = [positions.map(String), owner];
  const transactions = await database.query<StoredTransaction>(
    `select ${TRANSACTION_COLUMNS} from wallet_transactions where position = any($1::bigint[])`,
    values.slice(0, 1),
  );
  const postings = await database.query<StoredPosting>(
    `select posting.owner, posting.currency, posting.kind, posting.position, posting.sequence, posting.amount,
            balance_after as "balanceAfter", cause, hold
     from wallet_accounts as account join wallet_postings as posting
       on (posting.owner, posting.currency, posting.kind) = (account.owner, account.currency, account.kind)
       and posting.position = any($1::bigint[])
     where account.owner = $2 order by posting.position, posting.sequence`,
    values,
  );
  const byPosition = Map.groupBy(postings.rows.map(postingOf), ({ position }) => position);
  const found = new Map(transactions.rows.map((row) => [row.position as bigint, transactionOf(row)]));
  return positions.flatMap((position) => {
    const transaction = found.get(position);
    return transaction ? [{ transaction, postings: byPosition.get(position) ?? [] }] : [];
  });
}

type StoredPosting = Omit<Posting, "amount" | "balanceAfter" | "hold"> & {
  amount: string;
  balanceAfter: string;
  hold: string | null;
};

function postingOf(row: StoredPosting): Posting {
  return {
    ...row,
    amount: BigInt(row.amount),
    balanceAfter: BigInt(row.balanceAfter),
    hold: row.hold ?? undefined,
  };
}
