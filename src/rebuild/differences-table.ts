/** Compares the live tables with their shadow by key, and stores the keys of differing rows in the shadow's schema. */
import pg from "pg";
import type { Queryable } from "../database/queryable.ts";
import type { RebuiltTable } from "./catalogue-table.ts";
import { shadowSchemaOf } from "./shadow-table.ts";

const quoted = pg.escapeIdentifier;

export type Change = Readonly<{
  /** Null if that side has no outcome. */
  before: string | null;
  after: string | null;
  positions: bigint;
  samples: bigint[];
}>;

export type TableDifference = Readonly<{
  table: string;
  /** Rows of the rebuilt table only. */
  added: bigint;
  removed: bigint;
  changed: bigint;
  /** Empty if the table has no column `position`. Keys may be personal, so they are not shown. */
  samples: bigint[];
}>;

export type Range = Readonly<{ above: bigint; upTo: bigint }>;

/** The table with the keys of differing rows. */
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
 * @param range of positions. A row may be in different ranges of the two tables, so if one range adds it and another
 * removes it, it counts as changed.
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

/** By outcome. */
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

function notedColumns({ key, hasPosition }: RebuiltTable): string[] {
  return [...new Set([...key, ...(hasPosition ? ["position"] : [])])].map(quoted);
}

/** No column of a domain has spaces. */
export const KIND = '"kind of difference"';
const CONTENT = '"whole row"';

const SAMPLES_MAX = 5;
