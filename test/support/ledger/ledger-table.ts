/** Every statement on the ledger's tables. */
import type { Queryable } from "../../../src/database/queryable.ts";
import type { Transaction } from "../../../src/database/transaction.ts";

export type Entry = Readonly<{
  id: string;
  position: bigint;
  account: string;
  amount: bigint;
  receivedAtMs: number;
  isDeclined: boolean;
}>;

export async function selectEntries(
  database: Queryable,
  ids: readonly string[],
): Promise<Map<string, Pick<Entry, "position" | "account" | "amount">>> {
  const { rows } = await database.query<Pick<Entry, "id" | "position" | "account" | "amount">>(
    "select id, position, account, amount from ledger_entries where id = any($1::text[])",
    [ids],
  );
  return new Map(rows.map(({ id, ...entry }) => [id, entry]));
}

export async function selectBalances(
  database: Queryable,
  accounts: readonly string[],
): Promise<Map<string, bigint>> {
  const { rows } = await database.query<{ account: string; balance: bigint }>(
    "select account, balance from ledger_accounts where account = any($1::text[])",
    [accounts],
  );
  return new Map(rows.map(({ account, balance }) => [account, balance]));
}

export async function insertEntries(transaction: Transaction, entries: readonly Entry[]): Promise<void> {
  if (entries.length === 0) return;
  await transaction.query(
    `insert into ledger_entries (id, position, account, amount, received_at_ms, is_declined)
     select * from unnest($1::text[], $2::bigint[], $3::text[], $4::bigint[], $5::float8[], $6::boolean[])`,
    [
      entries.map(({ id }) => id),
      entries.map(({ position }) => String(position)),
      entries.map(({ account }) => account),
      entries.map(({ amount }) => String(amount)),
      entries.map(({ receivedAtMs }) => receivedAtMs),
      entries.map(({ isDeclined }) => isDeclined),
    ],
  );
}

export async function upsertBalances(
  transaction: Transaction,
  balances: ReadonlyMap<string, bigint>,
): Promise<void> {
  if (balances.size === 0) return;
  await transaction.query(
    `insert into ledger_accounts (account, balance) select * from unnest($1::text[], $2::bigint[])
     on conflict (account) do update set balance = excluded.balance
     where ledger_accounts.balance <> excluded.balance`,
    [[...balances.keys()], [...balances.values()].map(String)],
  );
}
