/**
 * Drain and cached reads without observability; with scraped metrics and debug logs; with 1 % and with all messages
 * traced.
 */
import { join } from "node:path";
import { OrderFactory, toPayload } from "../tools/domains/orders/factory.ts";
import { ordersKit } from "../tools/domains/orders/index.ts";
import { connectToHttp } from "../tools/publisher/transport.ts";
import { Jaeger } from "../tools/stack/jaeger.ts";
import { type ServiceProcess, startServiceProcess } from "../tools/stack/service.ts";
import type { Stack } from "../tools/stack/stack.ts";
import { createBenchDatabase } from "./database.ts";
import { drain, publishLoad } from "./drain.ts";
import { inTurns, type Measurement } from "./measurement.ts";
import { needWrk, wrk } from "./reads.ts";

type Modes = Readonly<Record<string, Readonly<Record<string, string>>>>;

export async function measureOverhead(stack: Stack, say: (text: string) => void): Promise<Measurement[]> {
  needWrk();
  await using jaeger = await Jaeger.start(join(stack.folder, "jaeger"), say);
  if (!jaeger)
    throw new Error(
      "this measurement needs Jaeger: put jaeger-all-in-one on PATH, or install Go to build it",
    );
  const sampled = (share: string) => ({
    ...jaeger.environment,
    OTEL_TRACES_EXPORTER: "jaeger",
    OTEL_TRACES_SAMPLER: "parentbased_traceidratio",
    OTEL_TRACES_SAMPLER_ARG: share,
  });
  const modes = {
    nothing: {},
    "metrics scraped, logs of level debug": { LOG_LEVEL: "debug" },
    [ONE_IN_A_HUNDRED]: sampled("0.01"),
    "all traced": sampled("1"),
  };
  const reads = await measureReadsOf(stack, modes, say);
  const drains = await inTurns(
    Object.fromEntries(
      Object.entries(modes).map(([mode, environment]) => [mode, () => drainOnce(stack, mode, environment)]),
    ),
    ROUNDS,
    "overhead: drain",
    say,
  );
  return [...besideNothing("drain", "orders/s", drains), ...besideNothing("GET", "requests/s", reads)];
}

function besideNothing(name: string, unit: string, rates: ReadonlyMap<string, number[]>): Measurement[] {
  return [...rates].slice(1).map(([mode, figures]) => ({
    name: `${name}: ${mode}`,
    unit,
    figures,
    limits: rates.get("nothing") as number[],
    limitName: "unwatched",
    ...(mode === ONE_IN_A_HUNDRED ? { goal: { of: "ratio" as const, atLeast: 0.97 } } : {}),
  }));
}

/** Side by side, with the same cached order. */
async function measureReadsOf(
  stack: Stack,
  modes: Modes,
  say: (text: string) => void,
): Promise<Map<string, number[]>> {
  const services = new Map<string, ServiceProcess>();
  try {
    for (const [mode, environment] of Object.entries(modes)) {
      const all = { ...stack.environment, ...environment, SOURCES: "http" };
      services.set(mode, await startServiceProcess(all, stack.folder));
    }
    const order = new OrderFactory(1).next();
    await using transport = connectToHttp(`${[...services.values()][0]?.url}`, ordersKit.intake, undefined);
    await transport.publish(toPayload(order));
    const ways = [...services].map(([mode, { url }]) => {
      const address = `${url}/orders/${order.order_uid}`;
      return [
        mode,
        async () => {
          while (!(await fetch(address)).ok);
          if (mode !== "nothing") await (await fetch(`${url}/metrics`)).text();
          return wrk(address);
        },
      ] as const;
    });
    return await inTurns(Object.fromEntries(ways), ROUNDS_OF_READS, "overhead: reads", say);
  } finally {
    for (const { child } of services.values()) await child.end("SIGTERM");
  }
}

async function drainOnce(stack: Stack, mode: string, environment: Modes[string] = {}): Promise<number> {
  await using database = await createBenchDatabase(stack);
  await publishLoad(stack, ORDERS);
  let scraped = 0;
  const scrape = async (url: string) => {
    if (mode === "nothing" || performance.now() - scraped < SCRAPE_INTERVAL_MS) return;
    scraped = performance.now();
    await (await fetch(`${url}/metrics`)).text();
  };
  const { rate } = await drain(stack, { ...database.environment, ...environment }, ORDERS, {
    meanwhile: scrape,
  });
  return rate;
}

const ONE_IN_A_HUNDRED = "one message in a hundred traced";
const SCRAPE_INTERVAL_MS = 5_000;
const ROUNDS = 3;
const ROUNDS_OF_READS = 4;
const ORDERS = 80_000;
