/**
 * Brings a database to the schema of this version: the numbered migrations, pg-boss's own schema and queues, and
 * the privileges of the service's role. Runs as the owner; safe when many processes do it at once, because one
 * session lock is held around all of it.
 */
import { readdir, readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { runner } from "node-pg-migrate";
import pg from "pg";
import { WAIT_FOR_DISK } from "./durability.ts";
import { installQueues, type QueueDefinition } from "./jobs.ts";
import type { Queryable } from "./queryable.ts";

/**
 * @param ownerUrl the connection of the owner role.
 * @param queues of the service's jobs.
 * @param serviceUrl the service's connection; its user gets the privileges unless it is the owner itself.
 * @returns the names of the migrations that were applied now.
 */
export async function migrate(
  ownerUrl: string,
  serviceUrl: string,
  queues: readonly QueueDefinition[],
): Promise<string[]> {
  const client = new pg.Client({ connectionString: ownerUrl, application_name: "waybill migrate" });
  client.on("error", () => {});
  await client.connect();
  try {
    await requireUtf8(client);
    await client.query("select pg_advisory_lock($1)", [MIGRATION_LOCK]);
    const applied = await runner({
      dbClient: client,
      dir: MIGRATIONS_FOLDER,
      ignorePattern: String.raw`(?!\d{4}_).*`,
      direction: "up",
      migrationsTable: MIGRATIONS_TABLE,
      noLock: true,
      singleTransaction: true,
      log: () => {},
    });
    await installQueues(async (text, values) => lastResult(await client.query(text, values)), queues);
    await client.query(await readFile(`${MIGRATIONS_FOLDER}/repair.sql`, "utf8"));
    await grantPrivileges(client, ownerUrl, serviceUrl);
    // What a service relies on from now on has to be there after a crash too; this commit brings all before it along.
    await client.query(
      `begin; select ${WAIT_FOR_DISK}, pg_logical_emit_message(true, 'waybill', 'migrated'); commit`,
    );
    return applied.map(({ name }) => name);
  } finally {
    await client.end();
  }
}

/** The migrations that this version has and the database lacks, by name. */
export async function missingMigrations(database: Queryable): Promise<string[]> {
  const files = await readdir(MIGRATIONS_FOLDER);
  const names = files
    .filter((file) => /^\d{4}_.*\.sql$/.test(file))
    .map((file) => file.slice(0, -".sql".length));
  const table = await database.query<{ present: boolean }>(
    "select to_regclass('public.migrations') is not null as present",
  );
  if (!table.rows[0]?.present) return names.sort();
  const { rows } = await database.query<{ name: string }>("select name from migrations");
  const present = new Set(rows.map(({ name }) => name));
  return names.filter((name) => !present.has(name)).sort();
}

/** An order is served as the bytes that were accepted; only a database in UTF-8 gives them back unchanged. */
async function requireUtf8(client: pg.Client): Promise<void> {
  const { rows } = await client.query(
    "select current_setting('server_encoding') as encoding, current_database() as name",
  );
  if (rows[0].encoding === "UTF8") return;
  throw new Error(
    `database "${rows[0].name}" has the encoding ${rows[0].encoding}; create it with encoding 'UTF8'`,
  );
}

async function grantPrivileges(client: pg.Client, ownerUrl: string, serviceUrl: string): Promise<void> {
  const role = decodeURIComponent(new URL(serviceUrl).username);
  if (role === "" || role === decodeURIComponent(new URL(ownerUrl).username)) return;
  const statements = await readFile(`${MIGRATIONS_FOLDER}/privileges.sql`, "utf8");
  await client.query(statements.replaceAll(":service_role", pg.escapeIdentifier(role)));
}

/** Several statements in one text give a list of results; pg-boss wants the last. */
function lastResult(result: pg.QueryResult | pg.QueryResult[]): { rows: unknown[] } {
  return Array.isArray(result) ? (result.at(-1) ?? { rows: [] }) : result;
}

const MIGRATIONS_FOLDER = fileURLToPath(new URL("../../migrations", import.meta.url));
const MIGRATIONS_TABLE = "migrations";

/** Any number that nothing else in this database locks; "waybill" in ASCII. */
const MIGRATION_LOCK = 0x77617962696c6cn;
