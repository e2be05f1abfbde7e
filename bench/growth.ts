/** The same drain with no rows, one million and five million. */

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
    await fill(grown.environment, filled + 1, size, say, SEQUENCES_ABOVE);
    filled = size;
    // Or the service audits all rows after its start.
    const database = new Database(grown.environment.DATABASE_URL as string, {
      connectionsMax: 1,
      logger: createLogger("silent"),
      hasTimeouts: false,
    });
    await audit(database, [orders], { gapSettledSeconds: 0 }).finally(() => database.close());
    await withClient(grown.adminUrl, async (client) => {
      // Or PostgreSQL vacuums and flushes during the measurement.
      await client.query("vacuum analyze");
      await client.query("checkpoint");
    });
    for (let round = 1; round <= ROUNDS; round++) {
      await publishLoad(stack, count);
      const { rate } = await drain(stack, { ...grown.environment, ...uncached }, count);
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

const ROUNDS = 2;

/** Apart from a new broker's ids, which start at 1. */
const SEQUENCES_ABOVE = 100_000_000;
const SIZES = [1_000_000, 5_000_000];
