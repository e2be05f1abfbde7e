/** Statements on projected commands. Rows are only added. */
import type { Queryable } from "../../database/queryable.ts";
import type { Transaction } from "../../database/transaction.ts";

export type ProjectedCommand = Readonly<{ position: bigint; id: string; sku: number }>;

/** By command id. */
export async function selectCommands(
  database: Queryable,
  ids: readonly string[],
): Promise<Map<string, bigint>> {
  if (ids.length === 0) return new Map();
  const { rows } = await database.query<{ id: string; position: bigint }>(
    "select id, position from product_commands where id = any($1::text[])",
    [ids],
  );
  return new Map(rows.map(({ id, position }) => [id, position]));
}

export async function insertCommands(
  transaction: Transaction,
  commands: readonly ProjectedCommand[],
): Promise<void> {
  if (commands.length === 0) return;
  await transaction.query(
    `insert into product_commands (position, id, sku) select * from unnest($1::bigint[], $2::text[], $3::bigint[])`,
    [
      commands.map(({ position }) => String(position)),
      commands.map(({ id }) => id),
      commands.map(({ sku }) => sku),
    ],
  );
}
