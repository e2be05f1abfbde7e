/** Each setting compared with the defaults in the same run. */
import type { Stack } from "../tools/stack/stack.ts";
import { createBenchDatabase } from "./database.ts";
import { drain, publishLoad } from "./drain.ts";
import { inTurns, type Measurement } from "./measurement.ts";

export async function measureSettings(
  stack: Stack,
  count: number,
  say: (text: string) => void,
): Promise<Measurement[]> {
  const ways = Object.fromEntries(
    Object.entries(SETTINGS).map(([name, settings]) => [name, () => drainWith(stack, count, settings)]),
  );
  const rates = await inTurns(ways, ROUNDS, "settings", say);
  return [...rates].slice(1).map(([name, figures]) => ({
    name: `drain with ${name}`,
    unit: "orders/s",
    figures,
    limits: rates.get(DEFAULTS) as number[],
    limitName: "by the defaults",
  }));
}

async function drainWith(stack: Stack, count: number, settings: readonly string[]): Promise<number> {
  const { postgres } = stack;
  await postgres.admin(async (client) => {
    await client.query("alter system reset all");
    for (const setting of settings) await client.query(`alter system set ${setting}`);
  });
  await postgres.stop();
  await postgres.start();
  await using database = await createBenchDatabase(stack);
  await publishLoad(stack, count);
  const { rate } = await drain(stack, database.environment, count);
  return rate;
}

const DEFAULTS = "the defaults";
const SETTINGS: Readonly<Record<string, readonly string[]>> = {
  [DEFAULTS]: [],
  "shared_buffers 2 GB": ["shared_buffers = '2GB'"],
  "max_wal_size 8 GB": ["max_wal_size = '8GB'"],
  "wal_compression pglz": ["wal_compression = pglz"],
  "all three": ["shared_buffers = '2GB'", "max_wal_size = '8GB'", "wal_compression = pglz"],
  "synchronous_commit off (loses acknowledged messages)": ["synchronous_commit = off"],
};
const ROUNDS = 3;
