/** Rates and latencies of calls, with the load on the same machine. */
import { setTimeout as delay } from "node:timers/promises";
import { createClient as createRedisClient } from "@redis/client";
import { type Clients, connectTo } from "../tools/marketplace/clients.ts";
import { startWorld } from "../tools/marketplace/world.ts";
import { quantile } from "../tools/publisher/verify.ts";
import type { Measurement } from "./measurement.ts";

export async function measureMarketplace(
  seconds: number,
  say: (text: string) => void,
): Promise<Measurement[]> {
  await using world = await startWorld((text) => say(`marketplace: ${text}`));
  const clients = connectTo(world);
  const { loms } = clients;
  say("marketplace: warming up");
  await atOnce(CALLERS, WARM_UP_SECONDS, () => loms.stockInfo({ sku: SKU }));

  const results: Measurement[] = [];
  const record = (name: string, times: readonly number[], took: number, note = "") => {
    const shown = describe(times);
    say(`marketplace: ${name}: ${Math.round(times.length / took)}/s, ${shown}`);
    results.push({
      name: `marketplace: ${name}`,
      unit: "calls/s",
      figures: [times.length / took],
      note: `${shown}${note}`,
    });
  };
  const answered = async (name: string, call: () => Promise<unknown>, note?: string) => {
    const begun = performance.now();
    const times = await atOnce(CALLERS, seconds, call);
    record(name, times, (performance.now() - begun) / 1000, note);
  };

  await answered("StockInfo", () => loms.stockInfo({ sku: SKU }), `; ${CALLERS} callers`);
  await answered(
    "OrderCreate",
    () => loms.orderCreate({ user: USER, items: [{ sku: SKU, count: 1 }] }).catch(() => {}),
    `; ${CALLERS} callers; most orders fail for lack of stock, and are stored as failed`,
  );
  const steady = await atRate(STEADY_RATE, seconds, () =>
    loms.orderCreate({ user: USER, items: [{ sku: SKU, count: 1 }] }).catch(() => {}),
  );
  record(`OrderCreate at ${STEADY_RATE}/s`, steady, seconds);

  await fillCart(clients);
  const list = () => clients.carts[0].list({ user: USER });
  await list();
  await answered("List of a cart, warm", list, `; ${SKUS.length} products, ${CALLERS} callers`);
  const cold: number[] = [];
  for (let count = 0; count < COLD_LISTS; count++) {
    for (const { url } of world.redis) await flush(url);
    cold.push(await timed(list));
  }
  const times = describe(cold);
  say(`marketplace: List of a cart, cold: ${times}`);
  results.push({
    name: "marketplace: List of a cart, cold",
    unit: "ms p50",
    figures: [quantile([...cold].sort(ascending), 0.5) as number],
    note: `${times}; ${SKUS.length} products at the limit of 10 calls a second`,
  });
  return results;
}

async function fillCart({ carts }: Clients): Promise<void> {
  for (const sku of SKUS) await carts[0].itemAdd({ user: USER, sku, count: 1 });
}

async function flush(url: string): Promise<void> {
  const client = createRedisClient({ url });
  await client.connect();
  await client.sendCommand(["FLUSHALL"]);
  client.destroy();
}

/** Repeats calls as soon as they are answered. @returns milliseconds. */
async function atOnce(callers: number, seconds: number, call: () => Promise<unknown>): Promise<number[]> {
  const times: number[] = [];
  const end = performance.now() + seconds * 1000;
  await Promise.all(
    Array.from({ length: callers }, async () => {
      while (performance.now() < end) times.push(await timed(call));
    }),
  );
  return times;
}

/** Open loop: a call's clock starts at its scheduled time. */
export async function atRate(rate: number, seconds: number, call: () => Promise<unknown>): Promise<number[]> {
  const begun = performance.now();
  const calls: Promise<number>[] = [];
  for (let count = 0; count < rate * seconds; count++) {
    const dueAt = begun + (count / rate) * 1000;
    const early = dueAt - performance.now();
    if (early > 1) await delay(early);
    calls.push(call().then(() => performance.now() - dueAt));
  }
  return Promise.all(calls);
}

async function timed(call: () => Promise<unknown>): Promise<number> {
  const begun = performance.now();
  await call();
  return performance.now() - begun;
}

function describe(times: readonly number[]): string {
  const sorted = [...times].sort(ascending);
  const [p50, p99, max] = [0.5, 0.99, 1].map((share) => (quantile(sorted, share) as number).toFixed(1));
  return `p50 ${p50}, p99 ${p99}, max ${max} ms`;
}

const ascending = (a: number, b: number) => a - b;

const USER = 31337n;
const SKU = 1005;
/** In the cart; none is ordered here. */
const SKUS = [1076963, 1148162, 773297411, 1002, 1003];
const CALLERS = 32;
const STEADY_RATE = 200;
const COLD_LISTS = 10;
const WARM_UP_SECONDS = 3;
