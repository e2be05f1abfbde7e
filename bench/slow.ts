/** Slow connection, broker at full speed: appends, redeliveries, timers, memory. */
import { setTimeout as delay } from "node:timers/promises";
import { OrderFactory } from "../tools/domains/orders/factory.ts";
import { ordersKit } from "../tools/domains/orders/index.ts";
import { connectTo } from "../tools/publisher/connect.ts";
import { InFlight } from "../tools/publisher/in-flight.ts";
import { makeLoad } from "../tools/publisher/load.ts";
import { mebibytes, residentBytes } from "../tools/stack/memory.ts";
import { startServiceProcess } from "../tools/stack/service.ts";
import type { Stack } from "../tools/stack/stack.ts";
import { Toxiproxy } from "../tools/torture/proxy.ts";
import type { Measurement } from "./measurement.ts";

export async function measureSlowDatabase(stack: Stack, say: (text: string) => void): Promise<Measurement[]> {
  if (!stack.broker) throw new Error("this measurement needs a broker");
  await using proxy = await Toxiproxy.start(stack.folder, say);
  const database = new URL(stack.environment.DATABASE_URL as string);
  database.port = String(await proxy.open("database", stack.postgres.port));
  const environment = { ...stack.environment, DATABASE_URL: database.toString() };
  const service = await startServiceProcess(environment, stack.folder);
  await using transport = await connectTo(ordersKit, stack.broker.kind, stack.environment);
  const stopping = new AbortController();
  const publishing = publishUntil(stopping.signal, (payload) => transport.publish(payload));
  try {
    const results: Measurement[] = [];
    for (const milliseconds of LATENCIES_MS) {
      await proxy.heal();
      if (milliseconds > 0) {
        await proxy.add("database", {
          type: "latency",
          attributes: { latency: milliseconds / 2, jitter: 0 },
        });
      }
      await delay(SETTLE_MS);
      const start = await read(service.url);
      let timers = 0;
      let memory = 0;
      const endsAt = performance.now() + SECONDS * 1000;
      while (performance.now() < endsAt) {
        timers = Math.max(timers, (await read(service.url)).timers);
        memory = Math.max(memory, residentBytes(service.child.pid));
        await delay(500);
      }
      const end = await read(service.url);
      const appends = end.appends - start.appends;
      const rate = (end.appended - start.appended) / SECONDS;
      const redelivered = end.redelivered - start.redelivered;
      const meanMs = ((end.appendSeconds - start.appendSeconds) / appends) * 1000;
      say(
        `slow: ${milliseconds} ms a round trip: ${Math.round(rate)} messages/s in ${appends} appends of ${Math.round(meanMs)} ms on average; ${redelivered} redelivered, at most ${timers} timers, ${mebibytes(memory)} MiB`,
      );
      results.push({
        name: `database ${milliseconds} ms away: redelivered`,
        unit: "messages",
        figures: [redelivered],
        goal: { of: "figure", atMost: 0 },
      });
    }
    return results;
  } finally {
    stopping.abort();
    await publishing;
    await service.child.end("SIGTERM");
  }
}

/** The service never waits for the publisher. */
async function publishUntil(signal: AbortSignal, publish: (payload: Buffer) => Promise<void>): Promise<void> {
  const load = makeLoad(ordersKit, new OrderFactory(8), Number.POSITIVE_INFINITY, {
    garbage: 0,
    duplicates: 0,
    conflicts: 0,
  });
  const inFlight = new InFlight(200);
  for (const { payload } of load) {
    if (signal.aborted) break;
    await inFlight.add(publish(payload));
  }
  await inFlight.settled();
}

async function read(url: string) {
  const text = await (await fetch(`${url}/metrics`)).text();
  const sum = (pattern: RegExp) =>
    [...text.matchAll(pattern)].reduce((total, [, value]) => total + Number(value), 0);
  return {
    appended: sum(/^waybill_inbox_appended_total\{.*\} (\d+)$/gm),
    appends: sum(/^waybill_inbox_append_duration_seconds_count (\d+)$/gm),
    appendSeconds: sum(/^waybill_inbox_append_duration_seconds_sum ([\d.e-]+)$/gm),
    redelivered: sum(/^waybill_source_redelivered_total\{.*\} (\d+)$/gm),
    timers: sum(/^nodejs_active_resources\{type="Timeout"\} (\d+)$/gm),
  };
}

/** Round trips; the last one is far beyond any usable database. */
const LATENCIES_MS = [0, 20, 200, 1_000];
const SETTLE_MS = 5_000;
const SECONDS = 30;
