/** Measurements do not share databases. */
import { install } from "../src/cli/install.ts";
import { DOMAINS } from "../src/domains/index.ts";
import type { Stack } from "../tools/stack/stack.ts";

export type BenchDatabase = AsyncDisposable &
  Readonly<{
    /** Of the superuser. */
    adminUrl: string;
    /** For a service on this database. */
    environment: Readonly<Record<string, string>>;
  }>;

export async function createBenchDatabase({ postgres, environment }: Stack): Promise<BenchDatabase> {
  const name = `bench_${++made}`;
  await postgres.createDatabase(name);
  const urls = {
    DATABASE_URL: postgres.serviceUrl(name),
    MIGRATION_DATABASE_URL: postgres.ownerUrl(name),
  };
  await install(urls.MIGRATION_DATABASE_URL, urls.DATABASE_URL, DOMAINS);
  // Or PostgreSQL flushes earlier databases' pages during the measurement.
  await postgres.admin((client) => client.query("checkpoint"));
  return {
    adminUrl: postgres.adminUrl(name),
    environment: { ...environment, ...urls },
    [Symbol.asyncDispose]: async () => {
      await postgres.admin((client) => client.query(`drop database ${name} with (force)`));
    },
  };
}

let made = 0;
