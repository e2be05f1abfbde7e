/** The decided commands, append-only. */
import { withCopyData } from "../../database/copy/copy-encoder.ts";
import type { Queryable } from "../../database/queryable.ts";
import type { Transaction } from "../../database/transaction.ts";
import type { Decided } from "./model.ts";

export async function selectCommands(database: Queryable, ids: readonly string[]): Promise<Decided[]> {
  if (ids.length === 0) return [];
  const { rows } = await database.query<StoredCommand>(
    `select ${COLUMNS} from loms_commands where id = any($1::text[])`,
    [ids],
  );
  return rows.map(decidedOf);
}

/** By position. */
export async function selectCommandsAt(
  database: Queryable,
  positions: readonly bigint[],
): Promise<Map<bigint, Decided>> {
  if (positions.length === 0) return new Map();
  const { rows } = await database.query<StoredCommand>(
    `select ${COLUMNS} from loms_commands where position = any($1::bigint[])`,
    [positions.map(String)],
  );
  return new Map(rows.map((row) => [row.position, decidedOf(row)]));
}

export async function copyCommands(transaction: Transaction, commands: readonly Decided[]): Promise<void> {
  if (commands.length === 0) return;
  await withCopyData(
    (rows) => {
      for (const { position, id, type, reason, order, atMs } of commands) {
        rows.row(6);
        rows.bigint(position);
        rows.text(id);
        rows.constant(type);
        if (reason === undefined) rows.null();
        else rows.constant(reason);
        if (order === undefined) rows.null();
        else rows.bigint(order);
        rows.timestamp(atMs);
      }
    },
    (data) =>
      transaction.script(
        "copy loms_commands (position, id, type, reason, order_id, at) from stdin (format binary)",
        data,
      ),
  );
}

const COLUMNS = `position, id, type, reason, order_id as "order", (extract(epoch from at) * 1000)::float8 as "atMs"`;

type StoredCommand = { [Name in keyof Decided]: Exclude<Decided[Name], undefined> | null } & {
  position: bigint;
};

function decidedOf(row: StoredCommand): Decided {
  return { ...row, reason: row.reason ?? undefined, order: row.order ?? undefined } as Decided;
}
