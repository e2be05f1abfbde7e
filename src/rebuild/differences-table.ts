/**
 * The statements that compare the live tables with their shadow, row by row and by key, and say what differs. The keys of
 * the rows that differ stand in one table of the shadow's schema for each compared table.
 */
import pg from "pg";
import type { Queryable } from "../database/queryable.ts";
import type { RebuiltTable } from "./catalogue-table.ts";
import { shadowSchemaOf } from "./shadow-table.ts";

const quoted = pg.escapeIdentifier;

/** What would become of positions whose outcome differs, or whose content. */
export type Change = Readonly<{
  /** Null if the live tables, or the rebuilt ones, have no outcome for the positions. */
  before: string | null;
  after: string | null;
  positions: bigint;
  /** The lowest positions. */
  samples: bigint[];
}>;

/** What differs in one table of the domain. */
export type TableDifference = Readonly<{
  table: string;
  /** Rows that only the rebuilt table has. */
  added: bigint;
  /** Rows that only the live table has. */
  removed: bigint;
  /** Rows of one key with other content. */
  changed: bigint;
  /** The lowest positions of these rows; empty if the table has no column `position`. Keys may name a person. */
  samples: bigint[];
}>;

/** Positions above the first and up to the second. */
export type Range = Readonly<{ above: bigint; upTo: bigint }>;

/** Where the keys of the rows that differ are noted. */
export function differencesOf(domain: string, table: RebuiltTable): string {
  return `${quoted(shadowSchemaOf(domain))}.${quoted(`differences of ${table.name}`)}`;
}

export async function createDifferences(
  database: Queryable,
  domain: string,
  tables: readonly RebuiltTable[],
): Promise<void> {
  for (const table of tables) {
    const differences = differencesOf(domain, table);
    await database.query(
      `create unlogged table ${differences} as
       select ${notedColumns(table).join(", ")}, ''::text as ${KIND} from public.${quoted(table.name)} with no data`,
    );
    await database.query(`alter table ${differences} add primary key (${table.key.map(quoted).join(", ")})`);
  }
}

/**
 * Notes every row of a table that differs.
 * @param range compares the rows of these positions alone. A row can lie in one range here and in another one there, so
 * what one range adds and another one removes is a change.
 */
export async function noteDifferences(
  database: Queryable,
  domain: string,
  table: RebuiltTable,
  range?: Range,
): Promise<void> {
  const conditions = [
    ...(table.isShared ? [`domain = ${pg.escapeLiteral(domain)}`] : []),
    ...(range ? [`position > ${range.above}`, `position <= ${range.upTo}`] : []),
  ];
  const where = conditions.length > 0 ? `where ${conditions.join(" and ")}` : "";
  const noted = notedColumns(table);
  const rowsOf = (schema: string) =>
    `(select ${noted.join(", ")}, compared::text as ${CONTENT} from ${schema}.${quoted(table.name)} as compared ${where})`;
  await database.query(
    `insert into ${differencesOf(domain, table)} (${noted.join(", ")}, ${KIND})
     select ${noted.map((column) => `coalesce(live.${column}, rebuilt.${column})`).join(", ")},
            case when live.${CONTENT} is null then 'added' when rebuilt.${CONTENT} is null then 'removed' else 'changed' end
     from ${rowsOf("public")} as live full join ${rowsOf(quoted(shadowSchemaOf(domain)))} as rebuilt
       on ${table.key.map((column) => `live.${quoted(column)} = rebuilt.${quoted(column)}`).join(" and ")}
     where live.${CONTENT} is distinct from rebuilt.${CONTENT}
     on conflict (${table.key.map(quoted).join(", ")}) do update set ${KIND} = 'changed'`,
  );
}

/** By outcome: what would become of positions that end in another way than they did, or with other content. */
export async function selectChanges(
  database: Queryable,
  domain: string,
  tables: readonly RebuiltTable[],
): Promise<Change[]> {
  const noted = tables.flatMap((table) =>
    table.outcome
      ? [`select '${table.outcome}' as outcome, position, ${KIND} from ${differencesOf(domain, table)}`]
      : [],
  );
  const { rows } = await database.query<Change>(
    `with noted as (${noted.join(" union all ")}), moved as (
       select position, max(outcome) filter (where ${KIND} <> 'added') as before,
              max(outcome) filter (where ${KIND} <> 'removed') as after
       from noted group by position
     )
     select before, after, count(*) as positions, (array_agg(position order by position))[1:${SAMPLES_MAX}] as samples
     from moved group by before, after order by before, after`,
  );
  return rows;
}

/** By table: the rows of the domain's tables that differ. */
export async function selectTableDifferences(
  database: Queryable,
  domain: string,
  tables: readonly RebuiltTable[],
): Promise<TableDifference[]> {
  const found: TableDifference[] = [];
  for (const table of tables) {
    if (table.isShared) continue;
    const samples = table.hasPosition
      ? `(array_agg(distinct position order by position))[1:${SAMPLES_MAX}]`
      : "null";
    const { rows } = await database.query<TableDifference>(
      `select $1 as "table", count(*) filter (where ${KIND} = 'added') as added,
              count(*) filter (where ${KIND} = 'removed') as removed, count(*) filter (where ${KIND} = 'changed') as changed,
              coalesce(${samples}, '{}'::bigint[]) as samples
       from ${differencesOf(domain, table)}`,
      [table.name],
    );
    found.push(...rows);
  }
  return found;
}

/** The key, and the position if it is not a part of the key. */
function notedColumns({ key, hasPosition }: RebuiltTable): string[] {
  return [...new Set([...key, ...(hasPosition ? ["position"] : [])])].map(quoted);
}

/** With a space in them, these can be no names of a domain's columns. */
export const KIND = '"kind of difference"';
const CONTENT = '"whole row"';

/** Enough to look at a few. */
const SAMPLES_MAX = 5;
