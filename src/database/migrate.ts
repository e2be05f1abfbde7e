/**
 * Brings a database to the schema of this version: the engine's numbered migrations, then those of each domain,
 * pg-boss's own schema and queues, and the privileges of the service's role. Runs as the owner. Safe when many
 * processes do it at once, because one lock is held around all of it.
 */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { runner } from "node-pg-migrate";
import pg from "pg";
import { createLogger } from "../telemetry/logger.ts";
import { roleOf } from "./connection.ts";
import { Database } from "./database.ts";
import { WAIT_FOR_DISK } from "./durability.ts";
import { installQueues, type QueueDefinition } from "./jobs.ts";
import { lockMigrations } from "./migration-lock.ts";
import type { Queryable } from "./queryable.ts";

/** What has to be known of a domain: its tables are its own, so their migrations have numbers of their own. */
export type MigratedDomain = Readonly<{
  name: string;
  /** Its numbered migrations and its `privileges.sql`; undefined if it has neither. */
  migrations?: URL;
}>;

/**
 * @param ownerUrl the connection of the owner role.
 * @param serviceUrl the service's connection; its user gets the privileges unless it is the owner itself.
 * @param queues of the service's jobs.
 * @param domains those of the process.
 * @param say is told what this waits for, and when it begins.
 * @returns the names of the migrations that were applied now; those of a domain begin with its name and a slash.
 */
export async function migrate(
  ownerUrl: string,
  serviceUrl: string,
  queues: readonly QueueDefinition[],
  domains: readonly MigratedDomain[],
  say: (text: string) => void = () => {},
): Promise<string[]> {
  const client = new pg.Client({ connectionString: ownerUrl, application_name: APPLICATION_NAME });
  client.on("error", () => {});
  await client.connect();
  try {
    await requireUtf8(client);
    await using database = new Database(ownerUrl, {
      connectionsMax: 1,
      logger: createLogger("silent"),
      applicationName: APPLICATION_NAME,
    });
    await using _lock = await lockMigrations(database, say);
    say("applying migrations");
    const folders = foldersOf(domains);
    const applied: string[] = [];
    for (const folder of folders) applied.push(...(await applyMigrations(client, folder)));
    await installQueues(async (text, values) => lastResult(await client.query(text, values)), queues);
    await client.query(await readFile(join(MIGRATIONS_FOLDER, "repair.sql"), "utf8"));
    await grantPrivileges(client, folders, ownerUrl, serviceUrl);
    // What a service relies on from now on has to be there after a crash too; this commit brings all before it along.
    await client.query(
      `begin; select ${WAIT_FOR_DISK}, pg_logical_emit_message(true, 'waybill', 'migrated'); commit`,
    );
    return applied;
  } finally {
    await client.end();
  }
}

/** The migrations that this version has and the database lacks, named as `migrate` names them. */
export async function missingMigrations(
  database: Queryable,
  domains: readonly MigratedDomain[],
): Promise<string[]> {
  const missing: string[] = [];
  for (const folder of foldersOf(domains)) {
    const present = new Set(await selectApplied(database, folder));
    const names = await migrationsIn(folder);
    missing.push(...names.filter((name) => !present.has(name)).map((name) => `${folder.prefix}${name}`));
  }
  return missing;
}

/** A folder of numbered migrations, and the table that says which of them are applied. */
type Folder = Readonly<{ path: string; table: string; prefix: string }>;

/** The engine's folder, and after it those of the domains, whose tables may refer to the engine's. */
function foldersOf(domains: readonly MigratedDomain[]): Folder[] {
  return [
    { path: MIGRATIONS_FOLDER, table: MIGRATIONS_TABLE, prefix: "" },
    ...domains.flatMap(({ name, migrations }) =>
      migrations
        ? [{ path: fileURLToPath(migrations), table: `${MIGRATIONS_TABLE}_${name}`, prefix: `${name}/` }]
        : [],
    ),
  ];
}

async function migrationsIn({ path }: Folder): Promise<string[]> {
  const files = await readdir(path);
  return files
    .filter((file) => /^\d{4}_.*\.sql$/.test(file))
    .map((file) => file.slice(0, -".sql".length))
    .sort();
}

/** All migrations of a folder are applied in one transaction: a failure leaves nothing of them. */
async function applyMigrations(client: pg.Client, folder: Folder): Promise<string[]> {
  if ((await migrationsIn(folder)).length === 0) return [];
  const applied = await runner({
    dbClient: client,
    dir: folder.path,
    ignorePattern: String.raw`(?!\d{4}_).*`,
    direction: "up",
    migrationsTable: folder.table,
    noLock: true,
    singleTransaction: true,
    log: () => {},
  });
  return applied.map(({ name }) => `${folder.prefix}${name}`);
}

/** None if the table does not exist or the role may not read it: `migrate` helps in both cases. */
async function selectApplied(database: Queryable, { table }: Folder): Promise<string[]> {
  const found = await database.query<{ isReadable: boolean | null }>(
    `select has_table_privilege(to_regclass($1), 'select') as "isReadable"`,
    [`public.${pg.escapeIdentifier(table)}`],
  );
  if (!found.rows[0]?.isReadable) return [];
  const { rows } = await database.query<{ name: string }>(`select name from ${pg.escapeIdentifier(table)}`);
  return rows.map(({ name }) => name);
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

/** One text, and so one transaction: a running service never sees less than it may do. */
async function grantPrivileges(
  client: pg.Client,
  folders: readonly Folder[],
  ownerUrl: string,
  serviceUrl: string,
): Promise<void> {
  const role = roleOf(serviceUrl);
  if (role === undefined || role === roleOf(ownerUrl)) return;
  const statements: string[] = [];
  for (const folder of folders) {
    if ((await migrationsIn(folder)).length > 0) {
      statements.push(`grant select on ${pg.escapeIdentifier(folder.table)} to :service_role;`);
    }
    statements.push(await readFile(join(folder.path, "privileges.sql"), "utf8"));
  }
  await client.query(statements.join("\n").replaceAll(":service_role", pg.escapeIdentifier(role)));
}

/** Several statements in one text give a list of results; pg-boss wants the last. */
function lastResult(result: pg.QueryResult | pg.QueryResult[]): { rows: unknown[] } {
  return Array.isArray(result) ? (result.at(-1) ?? { rows: [] }) : result;
}

const MIGRATIONS_FOLDER = fileURLToPath(new URL("../../migrations", import.meta.url));
const APPLICATION_NAME = "waybill migrate";
const MIGRATIONS_TABLE = "migrations";
