/** Reads balances with one index lookup per account. */
import type { Queryable } from "../../database/queryable.ts";
import type { AccountKind } from "./model.ts";

/** In minor units. */
export type Balance = Readonly<{ currency: string; available: bigint; held: bigint }>;

type Row = Readonly<{ currency: string; kind: AccountKind; balance: string }>;

/** @returns the position that the balances reflect. */
export async function selectBalances(
  database: Queryable,
  owner: string,
): Promise<{ position: bigint; balances: Balance[] }> {
  const { rows } = await database.query<{ position: bigint } & { [Name in keyof Row]: Row[Name] | null }>(
    `select checkpoint.position, currency, kind, balance
     from (select coalesce(max(position), 0) as position from wallet_transactions) as checkpoint
     left join wallet_accounts on owner = $1`,
    [owner],
  );
  const accounts = rows.filter((row): row is Row & { position: bigint } => row.currency !== null);
  return { position: rows[0]?.position ?? 0n, balances: balancesOf(accounts) };
}

/** After the position. */
export async function selectBalancesAt(
  database: Queryable,
  owner: string,
  position: bigint,
): Promise<Balance[]> {
  const { rows } = await database.query<Row>(
    `select currency, kind, last.balance
     from wallet_accounts as account cross join lateral (${LAST_BALANCE}) as last
     where account.owner = $1`,
    [owner, String(position)],
  );
  return balancesOf(rows);
}

/** By domain time; 0 if there is none. */
export async function selectPositionAt(database: Queryable, time: Date): Promise<bigint> {
  const { rows } = await database.query<{ position: bigint }>(
    "select position from wallet_transactions where at <= $1 order by at desc, position desc limit 1",
    [time],
  );
  return rows[0]?.position ?? 0n;
}

export async function selectChangedOwners(
  database: Queryable,
  owners: readonly string[],
  after: bigint,
): Promise<string[]> {
  const { rows } = await database.query<{ owner: string }>(
    "select distinct owner from wallet_accounts where owner = any($1::text[]) and position > $2::bigint",
    [owners, String(after)],
  );
  return rows.map(({ owner }) => owner);
}

function balancesOf(rows: readonly Row[]): Balance[] {
  const balances = new Map<string, { currency: string; available: bigint; held: bigint }>();
  for (const { currency, kind, balance } of rows) {
    const entry = balances.get(currency) ?? { currency, available: 0n, held: 0n };
    entry[kind] = BigInt(balance);
    balances.set(currency, entry);
  }
  return [...balances.values()].sort((a, b) => (a.currency < b.currency ? -1 : 1));
}

/** Of `account`, after position `$2`. */
const LAST_BALANCE = `
  select balance_after as balance from wallet_postings as posting
  where (posting.owner, posting.currency, posting.kind) = (account.owner, account.currency, account.kind)
    and posting.position <= $2::bigint
  order by position desc, sequence desc limit 1`;
