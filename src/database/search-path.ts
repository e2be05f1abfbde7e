/** Finds a search path without `public`, where statements would not find the tables. */
import type { Queryable } from "./queryable.ts";

/** @returns the problem with the statement that repairs it, in words that may be public; undefined if there is none. */
export async function searchPathProblem(database: Pick<Queryable, "query">): Promise<string | undefined> {
  const { rows } = await database.query<{ repair: string }>(
    `select format('alter role %I in database %I set search_path = public', current_user, current_database()) as repair
     from pg_namespace
     where nspname = 'public' and has_schema_privilege(oid, 'usage') and 'public' <> all (current_schemas(false))`,
  );
  return rows[0] && `the search_path of the database role lacks the schema public: run "${rows[0].repair}"`;
}
