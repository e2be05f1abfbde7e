/** A conventional wallet: per command one transaction, which locks both accounts in order, checks and writes. */
import type pg from "pg";
import { withClient } from "../tools/stack/postgres.ts";

export type Transfer = Readonly<{ id: string; from: string; to: string; amount: string }>;

/** @returns seconds. */
export async function applyPlainly(
  url: string,
  owners: readonly string[],
  transfers: readonly Transfer[],
): Promise<number> {
  await withClient(url, async (client) => {
    await client.query(`
      create table plain_accounts (owner text primary key, balance numeric(38, 0) not null check (balance >= 0));
      create table plain_transactions (position bigserial primary key, owner text, id text, amount numeric(38, 0), unique (owner, id));
      create table plain_postings (owner text, position bigint, amount numeric(38, 0), balance_after numeric(38, 0),
        primary key (owner, position))`);
    await client.query("insert into plain_accounts select unnest($1::text[]), 100000000", [owners]);
  });
  const rest = transfers.values();
  const begun = performance.now();
  await Promise.all(
    Array.from({ length: CONNECTIONS }, () =>
      withClient(url, async (client) => {
        for (const transfer of rest) await apply(client, transfer);
      }),
    ),
  );
  return (performance.now() - begun) / 1000;
}

async function apply(client: pg.Client, { id, from, to, amount }: Transfer): Promise<void> {
  const minor = String(Math.round(Number(amount) * 100));
  await client.query("begin");
  const { rows } = await client.query<{ owner: string; balance: string }>({
    name: "lock",
    text: "select owner, balance from plain_accounts where owner = any($1::text[]) order by owner for update",
    values: [[from, to]],
  });
  const balances = new Map(rows.map(({ owner, balance }) => [owner, BigInt(balance)]));
  if ((balances.get(from) ?? 0n) < BigInt(minor)) {
    await client.query("rollback");
    return;
  }
  await client.query({
    name: "write",
    text: `with transaction as (
             insert into plain_transactions (owner, id, amount) values ($1, $2, $4) returning position),
           changed as (
             update plain_accounts set balance = balance + case owner when $1 then -$4::numeric else $4::numeric end
             where owner in ($1, $3) returning owner, balance)
           insert into plain_postings
           select owner, position, case owner when $1 then -$4::numeric else $4::numeric end, balance
           from changed, transaction`,
    values: [from, id, to, minor],
  });
  await client.query("commit");
}

const CONNECTIONS = 8;
