/** A start with a million orders: ready, cache restored, memory. The limit is a COPY of the orders. */
import { setTimeout as delay } from "node:timers/promises";
import { runCopyOut } from "../src/database/script.ts";
import { residentBytes } from "../tools/stack/memory.ts";
import { withClient } from "../tools/stack/postgres.ts";
import type { Stack } from "../tools/stack/stack.ts";
import { fill } from "./fill.ts";
import type { Measurement } from "./measurement.ts";
import { metricOf, withService } from "./service.ts";

export async function measureRestart(
  stack: Stack,
  orders: number,
  say: (text: string) => void,
): Promise<Measurement[]> {
  const environment = { ...stack.environment, SOURCES: "http", CACHE_BYTES_MAX: String(2 ** 32) };
  const idle = await withService(environment, stack.folder, async ({ child }) => residentBytes(child.pid));
  await fill(environment, 1, orders, say);
  const ready: number[] = [];
  const warm: number[] = [];
  const copied: number[] = [];
  const memory: number[] = [];
  let payloadBytes = 0;
  await withClient(stack.postgres.adminUrl("waybill"), (client) => client.query("vacuum analyze"));
  for (let round = 1; round <= ROUNDS; round++) {
    const copying = performance.now();
    await withClient(stack.postgres.adminUrl("waybill"), async (client) => {
      const { length } = await runCopyOut(client, COPY_ALL);
      payloadBytes = length - orders * COPY_OVERHEAD_BYTES;
    });
    copied.push((performance.now() - copying) / 1000);
    const starting = performance.now();
    await withService(environment, stack.folder, async ({ url, child }) => {
      ready.push((performance.now() - starting) / 1000);
      while ((await metricOf(url, "waybill_cache_entries")) < orders) await delay(20);
      warm.push((performance.now() - starting) / 1000);
      memory.push((residentBytes(child.pid) - idle) / payloadBytes);
    });
    const shown = [copied, ready, warm].map((seconds) => seconds.at(-1)?.toFixed(1));
    say(
      `restart: round ${round} of ${ROUNDS}: COPY ${shown[0]} s, ready ${shown[1]} s, warm ${shown[2]} s, ` +
        `${memory.at(-1)?.toFixed(2)} bytes a byte`,
    );
  }
  const count = orders.toLocaleString("en");
  return [
    {
      name: `ready, with ${count} orders`,
      unit: "s",
      figures: ready,
      limits: copied,
      limitName: "to COPY them out",
      goal: { of: "ratio", atMost: 2 },
    },
    {
      name: `all ${count} in memory`,
      unit: "s",
      figures: warm,
      limits: copied,
      limitName: "to COPY them out",
    },
    {
      name: "memory for each byte of an order",
      unit: "bytes",
      figures: memory,
      goal: { of: "figure", atMost: 1.2 },
      note: `resident, beyond the ${Math.round(idle / 2 ** 20)} MiB of a service without orders`,
    },
  ];
}

const ROUNDS = 2;
const COPY_ALL = "copy (select payload from orders join inbox using (position)) to stdout (format binary)";

/** Number of fields and length, per row. */
const COPY_OVERHEAD_BYTES = 6;
