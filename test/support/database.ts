/**
 * A test's own database, cloned from the migrated template. It stays until the server's folder is removed: after a
 * thousand files have been deleted, ext4 searches long for an inode for each new one.
 */
import { randomBytes } from "node:crypto";
import pg from "pg";
import type { AnyDomain } from "../../src/contract/domain.ts";
import { Database } from "../../src/database/database.ts";
import { DOMAINS } from "../../src/domains/index.ts";
import { createLogger } from "../../src/telemetry/logger.ts";
import { withClient } from "../../tools/stack/postgres.ts";

type AnyRow = pg.QueryResult["rows"][number];

/** Connected as the service's role. */
export class TestDatabase extends Database {
  readonly name: string;
  readonly adminUrl: string;
  readonly ownerUrl: string;
  readonly serviceUrl: string;
  readonly #admins: pg.Pool;

  constructor(name: string) {
    const serviceUrl = urlOf("WAYBILL_TEST_SERVICE_URL", name);
    super(serviceUrl, { connectionsMax: 10, logger: createLogger("silent") });
    this.name = name;
    this.serviceUrl = serviceUrl;
    this.adminUrl = urlOf("WAYBILL_TEST_ADMIN_URL", name);
    this.ownerUrl = urlOf("WAYBILL_TEST_OWNER_URL", name);
    this.#admins = new pg.Pool({ connectionString: this.adminUrl });
    // Tests end connections.
    this.#admins.on("error", () => {});
  }

  /** Runs a statement as the superuser. */
  readonly admin = (text: string, values?: unknown[]): Promise<pg.QueryResult> =>
    this.#admins.query(text, values);

  /** Tests may read any column without a declared type. */
  override query<Row extends object = AnyRow>(text: string, values?: readonly unknown[]) {
    return super.query<Row>(text, values);
  }

  override async close(): Promise<void> {
    await super.close();
    if (!this.#admins.ending) await this.#admins.end();
  }
}

/**
 * @param template the database to clone; `template0` is empty. @param domains whose tables and queues it needs; the
 * template has those of the project.
 */
export async function createDatabase(
  template = environment("WAYBILL_TEST_TEMPLATE"),
  domains: readonly AnyDomain[] = [],
): Promise<TestDatabase> {
  const name = `test_${randomBytes(6).toString("hex")}`;
  await withClient(environment("WAYBILL_TEST_ADMIN_URL"), async (client) => {
    // Concurrent clones would find the template in use.
    await client.query("select pg_advisory_lock(1)");
    await client.query(`create database ${name} template ${template} strategy file_copy owner waybill_owner`);
  });
  const database = new TestDatabase(name);
  const missing = domains.filter((domain) => !DOMAINS.includes(domain));
  if (missing.length > 0) {
    // Loads the libraries for migrations and jobs, which few files need.
    const { install } = await import("../../src/cli/install.ts");
    await install(database.ownerUrl, database.serviceUrl, missing);
  }
  return database;
}

function urlOf(variable: string, database: string): string {
  const url = new URL(environment(variable));
  url.pathname = `/${database}`;
  return url.toString();
}

/** Set by the runner for each file. */
export function environment(name: string): string {
  const value = process.env[name];
  if (!value)
    throw new Error(
      `${name} is not set: run the tests with "npm test" (or "npm test -- part-of-a-file-name")`,
    );
  return value;
}
