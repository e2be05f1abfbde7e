/**
 * Brings a database to this version's schema: migrations of the engine and the domains, pg-boss's schema and queues,
 * and the privileges of the service's role. Runs as the owner, under one lock, so concurrent processes may call it.
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
import { searchPathProblem } from "./search-path.ts";

export type MigratedDomain = Readonly<{
  name: string;
  migrations?: URL;
}>;

/**
 * @param serviceUrl its user gets the privileges, unless it is the owner.
 * @returns the applied migrations; a domain's begin with its name and a slash.
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
    const problem = await searchPathProblem(client);
    if (problem !== undefined) throw new Error(problem);
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
    // A durable commit makes all earlier commits durable.
    await client.query(
      `begin; select ${WAIT_FOR_DISK}, pg_logical_emit_message(true, 'waybill', 'migrated'); commit`,
    );
    return applied;
  } finally {
    await client.end();
  }
}

/** Named as in `migrate`. */
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

type Folder = Readonly<{ path: string; table: string; prefix: string }>;

/** The engine first: domains' tables may refer to its own. */
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

/** A failure leaves nothing of the folder. */
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

/** Empty if the table is missing or not readable; `migrate` repairs both. */
async function selectApplied(database: Queryable, { table }: Folder): Promise<string[]> {
  const found = await database.query<{ isReadable: boolean | null }>(
    `select has_table_privilege(to_regclass($1), 'select') as "isReadable"`,
    [`public.${pg.escapeIdentifier(table)}`],
  );
  if (!found.rows[0]?.isReadable) return [];
  const { rows } = await database.query<{ name: string }>(`select name from ${pg.escapeIdentifier(table)}`);
  return rows.map(({ name }) => name);
}

/** Only a UTF-8 database returns the accepted bytes unchanged. */
async function requireUtf8(client: pg.Client): Promise<void> {
  const { rows } = await client.query(
    "select current_setting('server_encoding') as encoding, current_database() as name",
  );
  if (rows[0].encoding === "UTF8") return;
  throw new Error(
    `database "${rows[0].name}" has the encoding ${rows[0].encoding}; create it with encoding 'UTF8'`,
  );
}

/** One transaction: a running service never lacks a privilege meanwhile. */
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

/** pg-boss expects the last result of several statements. */
function lastResult(result: pg.QueryResult | pg.QueryResult[]): { rows: unknown[] } {
  return Array.isArray(result) ? (result.at(-1) ?? { rows: [] }) : result;
}

const MIGRATIONS_FOLDER = fileURLToPath(new URL("../../migrations", import.meta.url));
const APPLICATION_NAME = "waybill migrate";
const MIGRATIONS_TABLE = "migrations";
