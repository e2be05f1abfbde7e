/** Statements on accounts. */
import type { Queryable } from "../../database/queryable.ts";
import type { Transaction as DatabaseTransaction } from "../../database/transaction.ts";
import type { Account, AccountKey } from "./model.ts";

export async function selectAccounts(
  database: Queryable,
  wanted: readonly Pick<AccountKey, "owner" | "currency">[],
): Promise<Account[]> {
  if (wanted.length === 0) return [];
  const { rows } = await database.query<Omit<Account, "balance"> & { balance: string }>(
    `select owner, currency, kind, balance, sequence, position
     from unnest($1::text[], $2::text[]) as wanted (owner, currency) join wallet_accounts using (owner, currency)`,
    [wanted.map(({ owner }) => owner), wanted.map(({ currency }) => currency)],
  );
  return rows.map((row) => ({ ...row, balance: BigInt(row.balance) }));
}

/** The last posting of an owner's accounts; empty for an unknown owner. */
export async function selectLastPostings(database: Queryable, owner: string): Promise<bigint[]> {
  const { rows } = await database.query<{ position: bigint | null }>(
    "select max(position) as position from wallet_accounts where owner = $1",
    [owner],
  );
  return rows.flatMap(({ position }) => (position === null ? [] : [position]));
}

export async function upsertAccounts(
  transaction: DatabaseTransaction,
  accounts: readonly Account[],
): Promise<void> {
  if (accounts.length === 0) return;
  await transaction.query(
    `insert into wallet_accounts (owner, currency, kind, balance, sequence, position)
     select * from unnest($1::text[], $2::text[], $3::text[], $4::numeric[], $5::bigint[], $6::bigint[])
     on conflict (owner, currency, kind) do update
     set balance = excluded.balance, sequence = excluded.sequence, position = excluded.position`,
    [
      accounts.map(({ owner }) => owner),
      accounts.map(({ currency }) => currency),
      accounts.map(({ kind }) => kind),
      accounts.map(({ balance }) => String(balance)),
      accounts.map(({ sequence }) => String(sequence)),
      accounts.map(({ position }) => String(position)),
    ],
  );
}
