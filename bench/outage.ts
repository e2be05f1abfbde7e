/** PostgreSQL down with the broker at full speed: memory, acknowledgements, and the drain afterwards. */
import { setTimeout as delay } from "node:timers/promises";
import { OrderFactory } from "../tools/domains/orders/factory.ts";
import { ordersKit } from "../tools/domains/orders/index.ts";
import { connectTo } from "../tools/publisher/connect.ts";
import { InFlight } from "../tools/publisher/in-flight.ts";
import { makeLoad } from "../tools/publisher/load.ts";
import { mebibytes, residentBytes } from "../tools/stack/memory.ts";
import { startServiceProcess } from "../tools/stack/service.ts";
import type { Stack } from "../tools/stack/stack.ts";
import type { Measurement } from "./measurement.ts";

export async function measureOutage(
  stack: Stack,
  minutes: number,
  say: (text: string) => void,
): Promise<Measurement[]> {
  if (!stack.broker) throw new Error("this measurement needs a broker");
  const service = await startServiceProcess(stack.environment, stack.folder);
  await using transport = await connectTo(ordersKit, stack.broker.kind, stack.environment);
  const load = makeLoad(ordersKit, new OrderFactory(6), Number.POSITIVE_INFINITY, {
    garbage: 0,
    duplicates: 0,
    conflicts: 0,
  });
  let published = 0;
  const publishFor = async (milliseconds: number) => {
    const endsAt = performance.now() + milliseconds;
    const inFlight = new InFlight(1_000);
    while (performance.now() < endsAt) {
      const { value } = load.next();
      if (!value) break;
      const publishing = transport.publish(value.payload).then(() => {
        published += 1;
      });
      await inFlight.add(publishing);
    }
    await inFlight.settled();
  };
  // An audit would read the whole inbox.
  const projectedNow = async () => {
    const text = await (await fetch(`${service.url}/metrics`)).text();
    return Number(/^waybill_outcomes_total\{.*outcome="projected".*\} (\d+)$/m.exec(text)?.[1] ?? 0);
  };

  try {
    say("outage: warming up");
    await publishFor(5_000);
    while ((await projectedNow()) < published) await delay(200);
    const initial = { received: published, memory: residentBytes(service.child.pid) };
    await stack.postgres.stop("SIGQUIT");
    const endsAt = performance.now() + minutes * 60_000;
    let most = 0;
    while (performance.now() < endsAt) {
      // More than the service can buffer.
      const isEnough = published > PUBLISHED_MAX;
      const stretch = Math.min(10_000, endsAt - performance.now());
      await (isEnough ? delay(stretch) : publishFor(stretch));
      most = Math.max(most, residentBytes(service.child.pid));
      say(
        `outage: ${Math.round((endsAt - performance.now()) / 1000)} s left, ${published} published, memory grown by ${mebibytes(most - initial.memory)} MiB`,
      );
    }
    await stack.postgres.start();
    const begun = performance.now();
    const waiting = published - initial.received;
    while ((await projectedNow().catch(() => 0)) < published) await delay(250);
    const seconds = (performance.now() - begun) / 1000;
    const audit = (await (await fetch(`${service.url}/audit`)).json()) as {
      domains: { orders: { received: number } };
    };
    const { received } = audit.domains.orders;
    say(
      `outage: drained ${waiting} messages in ${seconds.toFixed(1)} s; ${received} received of ${published} published`,
    );
    return [
      {
        name: `outage of ${minutes} min: memory`,
        unit: "MiB more",
        figures: [mebibytes(most - initial.memory)],
        goal: { of: "figure", atMost: 64 },
      },
      {
        name: "outage: received of what was published",
        unit: "messages",
        figures: [received],
        limits: [published],
        limitName: "published",
        goal: { of: "ratio", atLeast: 1, atMost: 1 },
        note: `drained at ${Math.round(waiting / seconds)}/s afterwards`,
      },
    ];
  } finally {
    await service.child.end("SIGTERM");
  }
}

const PUBLISHED_MAX = 1_000_000;
