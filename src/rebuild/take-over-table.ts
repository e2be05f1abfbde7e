/** Makes the live tables equal to the rebuilt ones, changing only rows that differ. */
import pg from "pg";
import type { Transaction } from "../database/transaction.ts";
import type { RebuiltTable } from "./catalogue-table.ts";
import { differencesOf, KIND } from "./differences-table.ts";
import { shadowSchemaOf } from "./shadow-table.ts";

const quoted = pg.escapeIdentifier;

/**
 * Deletes before it inserts, because a new row may take over a unique value.
 * @param tables parents before children.
 */
export async function takeOver(
  transaction: Transaction,
  domain: string,
  tables: readonly RebuiltTable[],
): Promise<void> {
  for (const table of tables.toReversed()) await deleteRows(transaction, domain, table);
  for (const table of tables) {
    if (table.isReferenced) await updateRows(transaction, domain, table);
    await insertRows(transaction, domain, table);
  }
  const schema = quoted(shadowSchemaOf(domain));
  for (const table of COUNT_TABLES) {
    await transaction.query(`delete from public.${table} where domain = $1`, [domain]);
    await transaction.query(`insert into public.${table} select * from ${schema}.${table}`);
  }
  await transaction.query(
    `insert into public.checkpoints (domain, position, projected, duplicate, dead, generation)
     select domain, position, projected, duplicate, dead, 1 from ${schema}.checkpoints where domain = $1
     on conflict (domain) do update set
       position = excluded.position, projected = excluded.projected, duplicate = excluded.duplicate,
       dead = excluded.dead, generation = checkpoints.generation + 1, updated_at = now()`,
    [domain],
  );
}

/** Changed rows are inserted again. */
async function deleteRows(transaction: Transaction, domain: string, table: RebuiltTable): Promise<void> {
  const kinds = table.isReferenced ? ["removed"] : ["removed", "changed"];
  await transaction.query(
    `delete from public.${quoted(table.name)} as live using ${differencesOf(domain, table)} as differences
     where ${KIND} = any($1::text[]) and ${isSameKey(table, "live", "differences")}`,
    [kinds],
  );
}

async function updateRows(transaction: Transaction, domain: string, table: RebuiltTable): Promise<void> {
  const columns = table.columns.filter((column) => !table.key.includes(column)).map(quoted);
  if (columns.length === 0) return;
  await transaction.query(
    `update public.${quoted(table.name)} as live
     set ${columns.map((column) => `${column} = rebuilt.${column}`).join(", ")}
     from ${rebuiltRows(domain, table)} where ${KIND} = 'changed' and ${isSameKey(table, "live", "rebuilt")}`,
  );
}

async function insertRows(transaction: Transaction, domain: string, table: RebuiltTable): Promise<void> {
  const columns = table.columns.map(quoted);
  const kinds = table.isReferenced ? ["added"] : ["added", "changed"];
  await transaction.query(
    `insert into public.${quoted(table.name)} (${columns.join(", ")}) overriding system value
     select ${columns.map((column) => `rebuilt.${column}`).join(", ")}
     from ${rebuiltRows(domain, table)} where ${KIND} = any($1::text[])`,
    [kinds],
  );
}

function rebuiltRows(domain: string, table: RebuiltTable): string {
  const rebuilt = `${quoted(shadowSchemaOf(domain))}.${quoted(table.name)}`;
  return `${rebuilt} as rebuilt join ${differencesOf(domain, table)} as differences
          on ${isSameKey(table, "rebuilt", "differences")}`;
}

function isSameKey({ key }: RebuiltTable, left: string, right: string): string {
  return key.map((column) => `${left}.${quoted(column)} = ${right}.${quoted(column)}`).join(" and ");
}

const COUNT_TABLES = ["dead_letter_groups", "dead_letter_hours"] as const;
