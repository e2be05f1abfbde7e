/** The schema as text. `npm run schema` writes it to `migrations/schema.txt`, and a test compares. */
import type { Queryable } from "../../src/database/queryable.ts";

export async function dumpSchema(database: Queryable): Promise<string> {
  const sections: string[] = [];
  for (const [title, query] of Object.entries(QUERIES)) {
    const { rows } = await database.query<{ line: string }>(query);
    sections.push(
      `${title}\n${rows.map(({ line }) => `  ${line.trim().replaceAll("\n", "\n  ")}`).join("\n")}\n`,
    );
  }
  return sections.join("\n");
}

const IN_PUBLIC = "relnamespace = 'public'::regnamespace";

const QUERIES = {
  columns: `
    select format('%s.%s %s%s%s%s', relname, attname, format_type(atttypid, atttypmod),
             case when attnotnull then ' not null' else '' end,
             coalesce(' default ' || pg_get_expr(adbin, adrelid), ''),
             case when attidentity <> '' then ' generated always as identity' else '' end
             || case when attstorage <> typstorage then ' storage ' || attstorage::text else '' end) as line
    from pg_class join pg_attribute on attrelid = pg_class.oid join pg_type on pg_type.oid = atttypid
      left join pg_attrdef on adrelid = attrelid and adnum = attnum
    where ${IN_PUBLIC} and relkind = 'r' and attnum > 0 and not attisdropped order by relname, attnum`,
  constraints: `
    select format('%s %s %s', relname, conname, pg_get_constraintdef(pg_constraint.oid)) as line
    from pg_constraint join pg_class on conrelid = pg_class.oid
    where ${IN_PUBLIC} and contype <> 'n' order by relname, conname`,
  indexes: `
    select indexdef as line from pg_indexes where schemaname = 'public' order by indexname`,
  triggers: `
    select pg_get_triggerdef(pg_trigger.oid) as line from pg_trigger join pg_class on tgrelid = pg_class.oid
    where ${IN_PUBLIC} and not tgisinternal order by tgname`,
  functions: `
    select pg_get_functiondef(oid) as line from pg_proc where pronamespace = 'public'::regnamespace order by proname`,
  settings: `
    select format('%s %s', relname, array_to_string(reloptions, ', ')) as line
    from pg_class where ${IN_PUBLIC} and reloptions is not null order by relname`,
  privileges: `
    select format('%s to %s on %s', string_agg(lower(privilege_type), ', ' order by privilege_type), grantee, table_name) as line
    from information_schema.role_table_grants
    where table_schema = 'public' and grantee <> (select pg_get_userbyid(datdba) from pg_database where datname = current_database())
      and grantee <> 'postgres'
    group by grantee, table_name order by table_name, grantee`,
  "privileges on columns": `
    select format('%s to %s on %s (%s)', lower(privilege_type), grantee::regrole, relname,
             string_agg(attname, ', ' order by attnum)) as line
    from pg_class join pg_attribute on attrelid = pg_class.oid cross join aclexplode(attacl)
    where ${IN_PUBLIC} group by privilege_type, grantee, relname order by relname, grantee::regrole::text, privilege_type`,
} as const;
