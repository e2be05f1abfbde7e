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
    for (const rate of RATES) {
      const times = await timesAt(transport, url, rate, SECONDS);
      const quantileOf = (share: number) => quantile(times, share) as number;
      const shown = [0.5, 0.99, 0.999, 1].map((share) => quantileOf(share).toFixed(1));
      const note = `p50 ${shown[0]}, p99 ${shown[1]}, p99.9 ${shown[2]}, max ${shown[3]} ms of ${times.length} watched`;
      say(`latency: ${rate}/s: ${note}`);
      results.push({
        name: `publish → readable at ${rate.toLocaleString("en")}/s`,
        unit: "ms p99",
        figures: [quantileOf(0.99)],
        ...(rate === 1_000 ? { goal: { of: "figure" as const, atMost: 25 } } : {}),
        note,
      });
    }
    return results;
  });
}

/** Sorted milliseconds of watched orders. */
async function timesAt(transport: Transport, url: string, rate: number, seconds: number): Promise<number[]> {
  const factory = new OrderFactory(rate);
  const count = rate * seconds;
  const orders = Array.from({ length: count }, () => factory.next());
  const verifier = new Verifier(url, ordersKit.readBack);
  const watched: Promise<number | undefined>[] = [];
  const publishing: Promise<void>[] = [];
  // More watching would disturb the measurement.
  const every = Math.max(1, Math.round(rate / WATCHED_PER_SECOND));
  const started = performance.now();
  for (const [index, order] of orders.entries()) {
    const due = started + (index * 1000) / rate;
    if (due - performance.now() > 1) await delay(due - performance.now());
    const payload = toPayload(order);
    const published = transport.publish(payload);
    publishing.push(published);
    if (index % every === 0) {
      watched.push(published.then(() => verifier.timeUntilReadable(order.order_uid, payload, due)));
    }
  }
  await Promise.all(publishing);
  const times = await Promise.all(watched);
  verifier.close();
  if (times.includes(undefined)) throw new Error("an order did not become readable");
  return (times as number[]).sort((a, b) => a - b);
}

const RATES = [100, 1_000, 5_000];
const WARM_UP_SECONDS = 4;
const SECONDS = 7;
const WATCHED_PER_SECOND = 200;
