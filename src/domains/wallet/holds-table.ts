/** Statements on holds. */
import type { Queryable } from "../../database/queryable.ts";
import type { Transaction as DatabaseTransaction } from "../../database/transaction.ts";
import type { Hold } from "./model.ts";

/** The named holds, and open ones due by `dueByMs`. */
export async function selectHolds(
  database: Queryable,
  named: readonly Pick<Hold, "owner" | "id">[],
  dueByMs: number,
): Promise<Hold[]> {
  const { rows } = await database.query<StoredHold>(
    `select ${COLUMNS} from wallet_holds join unnest($1::text[], $2::text[]) as named (owner, id) using (owner, id)
     union
     select ${COLUMNS} from wallet_holds
     where status = 'open' and expires_at <= to_timestamp($3::float8 / 1000)`,
    [named.map(({ owner }) => owner), named.map(({ id }) => id), dueByMs],
  );
  return rows.map((row) => ({ ...row, amount: BigInt(row.amount), remaining: BigInt(row.remaining) }));
}

export async function selectNextExpiry(database: Queryable): Promise<Date | undefined> {
  const { rows } = await database.query<{ expiresAtMs: number }>(
    `select ${EXPIRES_AT_MS} from wallet_holds where status = 'open' order by expires_at limit 1`,
  );
  return rows[0] && new Date(rows[0].expiresAtMs);
}

export async function countOpenHolds(database: Queryable): Promise<number> {
  const { rows } = await database.query<{ count: number }>(
    "select count(*)::float8 as count from wallet_holds where status = 'open'",
  );
  return rows[0]?.count ?? 0;
}

export async function upsertHolds(transaction: DatabaseTransaction, holds: readonly Hold[]): Promise<void> {
  if (holds.length === 0) return;
  await transaction.query(
    `insert into wallet_holds (owner, id, currency, amount, remaining, status, expires_at, opened_position, position)
     select owner, id, currency, amount, remaining, status, to_timestamp(expires_at_ms / 1000), opened_position, position
     from unnest($1::text[], $2::text[], $3::text[], $4::numeric[], $5::numeric[], $6::text[], $7::float8[], $8::bigint[],
                 $9::bigint[])
       as holds (owner, id, currency, amount, remaining, status, expires_at_ms, opened_position, position)
     on conflict (owner, id) do update
     set remaining = excluded.remaining, status = excluded.status, position = excluded.position`,
    [
      holds.map(({ owner }) => owner),
      holds.map(({ id }) => id),
      holds.map(({ currency }) => currency),
      holds.map(({ amount }) => String(amount)),
      holds.map(({ remaining }) => String(remaining)),
      holds.map(({ status }) => status),
      holds.map(({ expiresAtMs }) => expiresAtMs),
      holds.map(({ openedPosition }) => String(openedPosition)),
      holds.map(({ position }) => String(position)),
    ],
  );
}

const EXPIRES_AT_MS = `(extract(epoch from expires_at) * 1000)::float8 as "expiresAtMs"`;
const COLUMNS = `owner, id, currency, amount, remaining, status, ${EXPIRES_AT_MS}, opened_position as "openedPosition",
  position`;

type StoredHold = Omit<Hold, "amount" | "remaining"> & { amount: string; remaining: string };
