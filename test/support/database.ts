/** A database of a test file's own, cloned from the migrated template. */
import { randomBytes } from "node:crypto";
import type pg from "pg";
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

  constructor(name: string) {
    const serviceUrl = urlOf("WAYBILL_TEST_SERVICE_URL", name);
    super(serviceUrl, { connectionsMax: 10, logger: createLogger("silent") });
    this.name = name;
    this.serviceUrl = serviceUrl;
    this.adminUrl = urlOf("WAYBILL_TEST_ADMIN_URL", name);
    this.ownerUrl = urlOf("WAYBILL_TEST_OWNER_URL", name);
  }

  /** Runs a statement as the superuser. */
  readonly admin = (text: string, values?: unknown[]): Promise<pg.QueryResult> =>
    withClient(this.adminUrl, (client) => client.query(text, values));

  /** A test may look at any column without declaring its type first. */
  override query<Row extends object = AnyRow>(text: string, values?: readonly unknown[]) {
    return super.query<Row>(text, values);
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
    await withClient(environment("WAYBILL_TEST_ADMIN_URL"), (client) =>
      client.query(`drop database ${this.name} with (force)`),
    );
  }
}

/**
 * @param template the database to clone; `template0` gives an empty one.
 * @param domains those whose tables and queues it needs; the template has those of the project's domains.
 */
export async function createDatabase(
  template = environment("WAYBILL_TEST_TEMPLATE"),
  domains: readonly AnyDomain[] = [],
): Promise<TestDatabase> {
  const name = `test_${randomBytes(6).toString("hex")}`;
  await withClient(environment("WAYBILL_TEST_ADMIN_URL"), async (client) => {
    // Two files cloning at once would find the template in use.
    await client.query("select pg_advisory_lock(1)");
    await client.query(`create database ${name} template ${template} strategy file_copy owner waybill_owner`);
  });
  const database = new TestDatabase(name);
  const own = domains.filter((domain) => !DOMAINS.includes(domain));
  if (own.length > 0) {
    // Few files need it, and it loads the libraries for migrations and jobs.
    const { install } = await import("../../src/cli/install.ts");
    await install(database.ownerUrl, database.serviceUrl, own);
  }
  return database;
}

function urlOf(variable: string, database: string): string {
  const url = new URL(environment(variable));
  url.pathname = `/${database}`;
  return url.toString();
}

/** What the runner gives each file. */
export function environment(name: string): string {
  const value = process.env[name];
  if (!value)
    throw new Error(
      `${name} is not set: run the tests with "npm test" (or "npm test -- part-of-a-file-name")`,
    );
  return value;
}
