/** The same drain with no rows, one million and five million. */
import { setTimeout as delay } from "node:timers/promises";
import { audit } from "../src/audit/audit.ts";
import { Database } from "../src/database/database.ts";
import { orders } from "../src/domains/orders/index.ts";
import { createLogger } from "../src/telemetry/logger.ts";
import { withClient } from "../tools/stack/postgres.ts";
import type { Stack } from "../tools/stack/stack.ts";
import { createBenchDatabase } from "./database.ts";
import { drain, publishLoad } from "./drain.ts";
import { fill } from "./fill.ts";
import type { Measurement } from "./measurement.ts";

export async function measureGrowth(
  stack: Stack,
  count: number,
  say: (text: string) => void,
): Promise<Measurement[]> {
  // Restoring a cache would disturb the measurement.
  const uncached = { CACHE_BYTES_MAX: "0" };
  const empty: number[] = [];
  const rates = new Map(SIZES.map((size) => [size, [] as number[]]));
  await using grown = await createBenchDatabase(stack);
  let filled = 0;
  for (const size of SIZES) {
    await fill(grown.environment, filled + 1, size, say);
    filled = size;
    // An audit reads the rows of the minute before the last audit again.
    say("growth: waiting until the last order is older than a minute");
    await delay(REREAD_MS);
    await auditAll(grown.environment);
    await withClient(grown.adminUrl, async (client) => {
      // Or PostgreSQL vacuums and flushes during the measurement.
      await client.query("vacuum analyze");
      await client.query("checkpoint");
    });
    for (let round = 1; round <= ROUNDS; round++) {
      await publishLoad(stack, count);
      const { rate } = await drain(stack, { ...grown.environment, ...uncached }, count);
      await auditAll(grown.environment);
      rates.get(size)?.push(rate);
      await using fresh = await createBenchDatabase(stack);
      await publishLoad(stack, count);
      const reference = await drain(stack, { ...fresh.environment, ...uncached }, count);
      empty.push(reference.rate);
      say(
        `growth: ${size.toLocaleString("en")} rows: ${Math.round(rate)}/s, empty ${Math.round(reference.rate)}/s`,
      );
    }
  }
  return SIZES.map((size, index) => ({
    name: `drain with ${size.toLocaleString("en")} rows in the inbox`,
    unit: "orders/s",
    figures: rates.get(size) as number[],
    limits: empty.slice(index * ROUNDS, (index + 1) * ROUNDS),
    limitName: "with none",
    ...(size === SIZES.at(-1) ? { goal: { of: "ratio" as const, atLeast: 0.9 } } : {}),
  }));
}

/** Or the service does it after its start. */
async function auditAll({ DATABASE_URL }: Readonly<Record<string, string>>): Promise<void> {
  await using database = new Database(DATABASE_URL as string, {
    connectionsMax: 1,
    logger: createLogger("silent"),
    hasTimeouts: false,
  });
  await audit(database, [orders], { gapSettledSeconds: 0 });
}

const ROUNDS = 3;
const REREAD_MS = 61_000;
const SIZES = [1_000_000, 5_000_000];
