/**
 * From publishing to readable by id, at a steady rate. The loop is open: an order's clock starts when it was due, so
 * that a slow service cannot hide behind a slow publisher.
 */
import { makeLoad } from "../tools/publisher/load.ts";
import { OrderFactory } from "../tools/publisher/orders.ts";
import { publish } from "../tools/publisher/publish.ts";
import { connectToBroker } from "../tools/publisher/transport.ts";
import { startServiceProcess } from "../tools/stack/service.ts";
import type { Stack } from "../tools/stack/stack.ts";
import type { Measurement } from "./measurement.ts";

export async function measureLatency(
  stack: Stack,
  rate: number,
  say: (text: string) => void,
): Promise<Measurement> {
  if (!stack.broker) throw new Error("latency is measured through a NATS Streaming server");
  const service = await startServiceProcess(stack.environment, stack.folder);
  try {
    await using transport = await connectToBroker({
      url: stack.broker.url,
      clusterId: "test-cluster",
      channel: "orders",
    });
    const run = (count: number) =>
      publish({
        transport,
        load: makeLoad(new OrderFactory(count), count, { garbage: 0, duplicates: 0, conflicts: 0 }),
        rate,
        verifyUrl: service.url,
        onProgress: () => {},
        signal: new AbortController().signal,
      });
    say("latency: warming up");
    await run(rate * WARM_UP_SECONDS);
    say(`latency: ${SECONDS} s at ${rate}/s`);
    const { verification } = await run(rate * SECONDS);
    const readable = verification?.readable;
    say(
      `latency: p50 ${readable?.p50?.toFixed(1)} ms, p99 ${readable?.p99?.toFixed(1)} ms of ${readable?.watched} watched`,
    );
    const figure = readable?.p99 ?? Number.POSITIVE_INFINITY;
    return {
      name: "latency",
      figure,
      unit: `ms p99 at ${rate}/s`,
      limit: undefined,
      goal: "≤ 50 ms",
      met: figure <= 50,
    };
  } finally {
    await service.child.end("SIGTERM");
  }
}

const WARM_UP_SECONDS = 5;
const SECONDS = 15;
