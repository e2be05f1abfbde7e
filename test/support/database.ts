/** A database of a test file's own, cloned from the migrated template. */
import { randomBytes } from "node:crypto";
import type pg from "pg";
import { openPool } from "../../src/database/pool.ts";
import { createLogger } from "../../src/telemetry/logger.ts";
import { withClient } from "../../tools/stack/postgres.ts";

export type TestDatabase = AsyncDisposable &
  Readonly<{
    name: string;
    adminUrl: string;
    ownerUrl: string;
    serviceUrl: string;
    /** As the service's role. */
    pool: pg.Pool;
    /** Runs a statement as the superuser. */
    admin: (text: string, values?: unknown[]) => Promise<pg.QueryResult>;
  }>;

/** @param template what to clone; `template0` gives an empty database. */
export async function createDatabase(template = environment("WAYBILL_TEST_TEMPLATE")): Promise<TestDatabase> {
  const name = `test_${randomBytes(6).toString("hex")}`;
  await withClient(environment("WAYBILL_TEST_ADMIN_URL"), async (client) => {
    // Two files cloning at once would find the template in use.
    await client.query("select pg_advisory_lock(1)");
    await client.query(`create database ${name} template ${template} owner waybill_owner`);
  });
  const urlOf = (variable: string) => {
    const url = new URL(environment(variable));
    url.pathname = `/${name}`;
    return url.toString();
  };
  const adminUrl = urlOf("WAYBILL_TEST_ADMIN_URL");
  const serviceUrl = urlOf("WAYBILL_TEST_SERVICE_URL");
  const pool = openPool(serviceUrl, 10, createLogger("silent"));
  return {
    name,
    adminUrl,
    ownerUrl: urlOf("WAYBILL_TEST_OWNER_URL"),
    serviceUrl,
    pool,
    admin: (text, values) => withClient(adminUrl, (client) => client.query(text, values)),
    [Symbol.asyncDispose]: async () => {
      await pool.end();
      await withClient(environment("WAYBILL_TEST_ADMIN_URL"), (client) =>
        client.query(`drop database ${name} with (force)`),
      );
    },
  };
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
