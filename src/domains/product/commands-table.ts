/** Every statement on the commands that were projected. Rows are only ever added. */
import type { Queryable } from "../../database/queryable.ts";
import type { Transaction } from "../../database/transaction.ts";

export type ProjectedCommand = Readonly<{ position: bigint; id: string; sku: number }>;
export type StoredCommand = Readonly<{ position: bigint; id: string; payload: Buffer }>;

/** Those with these ids, with their payloads as they arrived. */
export async function selectCommands(database: Queryable, ids: readonly string[]): Promise<StoredCommand[]> {
  if (ids.length === 0) return [];
  const { rows } = await database.query<StoredCommand>(
    `select position, id, (select payload from inbox where inbox.position = product_commands.position) as payload
     from product_commands where id = any($1::text[])`,
    [ids],
  );
  return rows;
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
