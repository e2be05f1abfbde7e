/** Reads PostgreSQL's catalogue about a projection's tables. */
import pg from "pg";
import type { AnyDomain } from "../contract/domain.ts";
import type { Queryable } from "../database/queryable.ts";

export type RebuiltTable = Readonly<{
  name: string;
  key: readonly string[];
  /** Writable columns. */
  columns: readonly string[];
  hasPosition: boolean;
  /**
   * Rows never change: the service's role can neither update nor delete them. Such a table is compared while the live
   * projector works.
   */
  isInsertOnly: boolean;
  /** Foreign keys refer to the table, so rows may not be deleted and inserted again. */
  isReferenced: boolean;
  /** Undefined if another table holds it. */
  outcome?: "projected" | "duplicate" | "dead";
  /** Rows of other domains differ in a column `domain`. */
  isShared: boolean;
}>;

/**
 * Parents first.
 * @throws Error if a table of the domain does not exist, or lacks a column of its key.
 */
export async function describeTables(
  database: Queryable,
  { name, tables }: AnyDomain,
): Promise<RebuiltTable[]> {
  const described: RebuiltTable[] = [];
  for (const [index, { name: table, key }] of tables.entries()) {
    const found = await selectTable(database, table);
    const missing = key.filter((column) => !found?.columns.includes(column));
    if (!found || missing.length > 0) {
      throw new Error(
        `the table ${table} of the domain ${name} ${found ? `lacks ${missing}` : "does not exist"}`,
      );
    }
    // The first table's rows are the outcomes of positions.
    described.push(
      index === 0
        ? { ...found, key: ["position"], outcome: "projected", isShared: false }
        : { ...found, key, isShared: false },
    );
  }
  return [
    ...parentsFirst(
      described,
      await selectReferences(
        database,
        tables.map((table) => table.name),
      ),
    ),
    ...(await Promise.all([
      outcomeTable(database, "duplicates", "duplicate"),
      outcomeTable(database, "dead_letters", "dead"),
    ])),
  ];
}

export type Reference = Readonly<{ child: string; parent: string; name: string; definition: string }>;

/** Definitions depend on the current search path. */
export async function selectReferences(database: Queryable, tables: readonly string[]): Promise<Reference[]> {
  const { rows } = await database.query<Reference>(
    `select child.relname as child, parent.relname as parent, conname as name, pg_get_constraintdef(keys.oid) as definition
     from pg_constraint as keys join pg_class as child on child.oid = conrelid join pg_class as parent on parent.oid = confrelid
     where contype = 'f' and child.relnamespace = 'public'::regnamespace and child.relname = any($1::text[])
     order by child, name`,
    [tables],
  );
  return rows;
}

type Described = Omit<RebuiltTable, "key" | "outcome" | "isShared">;

async function selectTable(database: Queryable, table: string): Promise<Described | undefined> {
  const { rows } = await database.query<Described>(
    `with privileges as (
       select privilege_type from pg_class cross join aclexplode(relacl) where pg_class.oid = to_regclass($1) and grantee <> relowner
       union
       select privilege_type from pg_class join pg_attribute on attrelid = pg_class.oid cross join aclexplode(attacl)
       where pg_class.oid = to_regclass($1) and grantee <> relowner
     )
     select relname as name, array_agg(attname::text order by attnum) filter (where attgenerated = '') as columns,
            bool_or(attname = 'position') as "hasPosition",
            bool_or(attname = 'position')
              and exists (select from privileges where privilege_type = 'INSERT')
              and not exists (select from privileges where privilege_type in ('UPDATE', 'DELETE', 'TRUNCATE'))
              as "isInsertOnly",
            exists (select from pg_constraint where contype = 'f' and confrelid = pg_class.oid) as "isReferenced"
     from pg_class join pg_attribute on attrelid = pg_class.oid
     where pg_class.oid = to_regclass($1) and attnum > 0 and not attisdropped
     group by pg_class.oid, relname`,
    [`public.${pg.escapeIdentifier(table)}`],
  );
  return rows[0];
}

/** Insert-only, because operators' states are copied before the comparison. */
async function outcomeTable(
  database: Queryable,
  table: string,
  outcome: "duplicate" | "dead",
): Promise<RebuiltTable> {
  const found = (await selectTable(database, table)) as Described;
  return { ...found, key: ["position"], isInsertOnly: true, outcome, isShared: true };
}

/** Keeps the given order, unless a foreign key requires another. */
function parentsFirst(tables: readonly RebuiltTable[], references: readonly Reference[]): RebuiltTable[] {
  const sorted = new Set<RebuiltTable>();
  const visited = new Set<RebuiltTable>();
  const visit = (table: RebuiltTable) => {
    // A circle needs a deferrable constraint, which allows any order.
    if (visited.has(table)) return;
    visited.add(table);
    for (const { child, parent } of references) {
      const referenced = child === table.name && tables.find(({ name }) => name === parent);
      if (referenced) visit(referenced);
    }
    sorted.add(table);
  };
  for (const table of tables) visit(table);
  return [...sorted];
}
