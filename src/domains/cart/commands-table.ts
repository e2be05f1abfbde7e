/** Statements on `cart_commands`, which is append-only. */
import type { Queryable } from "../../database/queryable.ts";
import type { Transaction } from "../../database/transaction.ts";
import type { Decided } from "./model.ts";

export async function selectDecided(database: Queryable, ids: readonly string[]): Promise<Decided[]> {
  if (ids.length === 0) return [];
  const { rows } = await database.query<StoredDecided>(
    `select ${COLUMNS} from cart_commands where id = any($1::text[])`,
    [ids],
  );
  return rows.map(decidedOf);
}

export async function selectDecidedAt(
  database: Queryable,
  positions: readonly bigint[],
): Promise<Map<bigint, Decided>> {
  if (positions.length === 0) return new Map();
  const { rows } = await database.query<StoredDecided>(
    `select ${COLUMNS} from cart_commands where position = any($1::bigint[])`,
    [positions.map(String)],
  );
  return new Map(rows.map((row) => [row.position, decidedOf(row)]));
}

/** Payload of a command that arrived as a call, decided or not. */
export async function selectAppended(database: Queryable, id: string): Promise<Buffer | undefined> {
  const { rows } = await database.query<{ payload: Buffer }>(
    "select payload from inbox where source = 'http' and channel = 'cart' and message_id = $1",
    [id],
  );
  return rows[0]?.payload;
}

export async function insertDecided(transaction: Transaction, decided: readonly Decided[]): Promise<void> {
  if (decided.length === 0) return;
  await transaction.query(
    `insert into cart_commands (position, id, type, user_id, reason, checkout)
     select * from unnest($1::bigint[], $2::text[], $3::text[], $4::bigint[], $5::text[], $6::text[])`,
    [
      decided.map(({ position }) => String(position)),
      decided.map(({ id }) => id),
      decided.map(({ type }) => type),
      decided.map(({ user }) => user),
      decided.map(({ reason }) => reason ?? null),
      decided.map(({ checkout }) => checkout ?? null),
    ],
  );
}

const COLUMNS = `position, id, type, user_id::text as "user", reason, checkout`;

type StoredDecided = Omit<Decided, "reason" | "checkout"> & {
  reason: Decided["reason"] | null;
  checkout: string | null;
};

function decidedOf(row: StoredDecided): Decided {
  return { ...row, reason: row.reason ?? undefined, checkout: row.checkout ?? undefined };
}
