/** How long work blocks the event loop. */
import * as assert from "uvu/assert";
import { parseOrder } from "../../src/domains/orders/schema.ts";
import { MODEL, orderWith } from "./messages.ts";

/** @returns the most processor time between two turns of the event loop; other processes do not count. */
export async function longestTurn(work: () => Promise<unknown>): Promise<{ cpuMilliseconds: number }> {
  let cpuMilliseconds = 0;
  let isWorking = true;
  let begun = process.threadCpuUsage();
  const look = () => {
    const { user, system } = process.threadCpuUsage(begun);
    cpuMilliseconds = Math.max(cpuMilliseconds, (user + system) / 1000);
    begun = process.threadCpuUsage();
    if (isWorking) setImmediate(look);
  };
  setImmediate(look);
  await work().finally(() => {
    isWorking = false;
  });
  look();
  return { cpuMilliseconds };
}

/** The least of the longest turns of three tries, or the first one within the limit: other work may fall into a turn. */
export async function leastTurn(limitMs: number, work: () => Promise<unknown>): Promise<number> {
  let leastMs = Number.POSITIVE_INFINITY;
  for (let attempt = 0; attempt < 3 && leastMs > limitMs; attempt++)
    leastMs = Math.min(leastMs, (await longestTurn(work)).cpuMilliseconds);
  return leastMs;
}

/** Milliseconds that this machine, as busy as it is, takes to read twenty orders of almost a megabyte. */
export function largeOrdersMs(): number {
  const begun = process.threadCpuUsage();
  for (let time = 0; time < 20; time++) assert.ok("orderUid" in parseOrder(LARGE_ORDER));
  const { user, system } = process.threadCpuUsage(begun);
  return (user + system) / 1000;
}

const LARGE_ORDER = orderWith({ items: Array.from({ length: 4_000 }, () => MODEL.items[0]) });
