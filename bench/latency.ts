/** Open loop: an order's clock starts at its scheduled time, so no delay is hidden (no coordinated omission). */
import { setTimeout as delay } from "node:timers/promises";
import { OrderFactory, toPayload } from "../tools/domains/orders/factory.ts";
import { ordersKit } from "../tools/domains/orders/index.ts";
import { connectTo } from "../tools/publisher/connect.ts";
import type { Transport } from "../tools/publisher/transport.ts";
import { quantile, Verifier } from "../tools/publisher/verify.ts";
import type { Stack } from "../tools/stack/stack.ts";
import type { Measurement } from "./measurement.ts";
import { withService } from "./service.ts";

export async function measureLatency(stack: Stack, say: (text: string) => void): Promise<Measurement[]> {
  const { broker } = stack;
  if (!broker) throw new Error("this measurement needs a NATS Streaming server");
  return withService(stack.environment, stack.folder, async ({ url }) => {
    await using transport = await connectTo(ordersKit, broker.kind, stack.environment);
    say("latency: warming up");
    await timesAt(transport, url, 1_000, WARM_UP_SECONDS);
    const results: Measurement[] = [];
    for (const [rate, goalMs] of RATES) {
      const { readable, acknowledged } = await timesAt(transport, url, rate, SECONDS);
      const shown = [0.5, 0.99, 0.999, 1].map((share) => (quantile(readable, share) as number).toFixed(1));
      const broker = [0.5, 0.99].map((share) => (quantile(acknowledged, share) as number).toFixed(1));
      const note = `p50 ${shown[0]}, p99 ${shown[1]}, p99.9 ${shown[2]}, max ${shown[3]} ms of ${readable.length} watched; the broker had acknowledged them after p50 ${broker[0]}, p99 ${broker[1]} ms`;
      say(`latency: ${rate}/s: ${note}`);
      results.push({
        name: `publish → readable at ${rate.toLocaleString("en")}/s`,
        unit: "ms p99",
        figures: [quantile(readable, 0.99) as number],
        limits: [quantile(acknowledged, 0.99) as number],
        limitName: "until the broker acknowledges",
        ...(goalMs === undefined ? {} : { goal: { of: "figure" as const, atMost: goalMs } }),
        note,
      });
    }
    return results;
  });
}

type Times = Readonly<{ readable: readonly number[]; acknowledged: readonly number[] }>;

/** Sorted milliseconds of watched orders. */
async function timesAt(transport: Transport, url: string, rate: number, seconds: number): Promise<Times> {
  const factory = new OrderFactory(rate);
  const count = rate * seconds;
  const orders = Array.from({ length: count }, () => factory.next());
  const verifier = new Verifier(url, ordersKit.readBack);
  const watched: Promise<number | undefined>[] = [];
  const acknowledged: number[] = [];
  const publishing: Promise<void>[] = [];
  // More watching would disturb the measurement.
  const every = Math.max(1, Math.round(rate / WATCHED_PER_SECOND));
  const started = performance.now();
  for (const [index, order] of orders.entries()) {
    const due = started + (index * 1000) / rate;
    const early = due - performance.now();
    if (early > 1) await delay(early);
    const payload = toPayload(order);
    const published = transport.publish(payload);
    publishing.push(published);
    // Reported below.
    published.catch(() => {});
    if (index % every === 0) {
      const watching = published.then(() => {
        acknowledged.push(performance.now() - due);
        return verifier.timeUntilReadable(order.order_uid, payload, due);
      });
      watched.push(watching);
      watching.catch(() => {});
    }
  }
  await Promise.all(publishing);
  const times = await Promise.all(watched);
  verifier.close();
  if (times.includes(undefined)) throw new Error("an order did not become readable");
  const ascending = (a: number, b: number) => a - b;
  return { readable: (times as number[]).sort(ascending), acknowledged: acknowledged.sort(ascending) };
}

/** A second, with the goal for p99 in milliseconds. */
const RATES: readonly (readonly [rate: number, goalMs?: number])[] = [[100], [1_000, 25], [5_000, 60]];
const WARM_UP_SECONDS = 4;
const SECONDS = 7;
const WATCHED_PER_SECOND = 200;
