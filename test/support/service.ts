/** The service in this process, or as a process of its own, on a test database and a new channel. */
import { randomBytes } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { loadConfig } from "../../src/config/config.ts";
import type { AnyDomain } from "../../src/contract/domain.ts";
import { DOMAINS } from "../../src/domains/index.ts";
import type { Service } from "../../src/main.ts";
import { createLogger } from "../../src/telemetry/logger.ts";
import { startServiceProcess } from "../../tools/stack/service.ts";
import { environment, type TestDatabase } from "./database.ts";
import { until } from "./wait.ts";

export type Environment = Readonly<Record<string, string>>;

/** New names for a channel and its durable. */
export function brokerEnvironment(): Environment {
  const id = randomBytes(5).toString("hex");
  return {
    NATS_URL: environment("WAYBILL_TEST_NATS_URL"),
    STAN_CHANNEL: `channel-${id}`,
    STAN_DURABLE: `durable-${id}`,
    STAN_CLIENT_ID: `client-${id}`,
  };
}

/** Resolves when the service is ready, or only when it answers. */
export async function startInProcess(
  database: TestDatabase,
  extra: Environment = {},
  domains: readonly AnyDomain[] = DOMAINS,
  { isAwaited = true }: Readonly<{ isAwaited?: boolean }> = {},
): Promise<Service & { url: string }> {
  // Loaded here, because most importing files start the service as a process, or not at all.
  const { startService } = await import("../../src/main.ts");
  const config = loadConfig(domains, {
    DATABASE_URL: database.serviceUrl,
    SOURCES: "http",
    HTTP_PORT: "0",
    GRPC_PORT: "0",
    ...extra,
  });
  const service = await startService(config, createLogger(process.env.WAYBILL_TEST_LOG ?? "silent"), domains);
  const url = `http://127.0.0.1:${service.port}`;
  if (isAwaited) await until("the service is ready", async () => (await fetch(`${url}/readyz`)).ok);
  return { ...service, url };
}

/** Resolves when the service is ready, or only when it answers. */
export async function startAsProcess(
  databaseUrl: string,
  extra: Environment = {},
  options: Readonly<{ isAwaited?: boolean }> = {},
) {
  const folder = join(environment("WAYBILL_TEST_FOLDER"), randomBytes(5).toString("hex"));
  await mkdir(folder, { recursive: true });
  return startServiceProcess({ DATABASE_URL: databaseUrl, SOURCES: "http", ...extra }, folder, [], options);
}

export async function auditOf(url: string) {
  const report = (await (await fetch(`${url}/audit`)).json()) as {
    holds: boolean;
    domains: {
      orders: Record<"received" | "projected" | "duplicate" | "dead" | "pending", number> & {
        discrepancies: number[];
      };
    };
  };
  return { ...report.domains.orders, holds: report.holds };
}
