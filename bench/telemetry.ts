/**
 * What being watched costs: the drain and reads from memory with tracing off, with one trace in a hundred and with all
 * of them, the metrics being scraped where anything is on. They take turns in a changing order, so that what drifts
 * (a growing table, a busy machine) strikes all alike.
 */
import { join } from "node:path";
import { toPayload } from "../tools/publisher/load.ts";
import { OrderFactory } from "../tools/publisher/orders.ts";
import { connectToHttp } from "../tools/publisher/transport.ts";
import { Jaeger } from "../tools/stack/jaeger.ts";
import { type ServiceProcess, startServiceProcess } from "../tools/stack/service.ts";
import type { Stack } from "../tools/stack/stack.ts";
import { drain, publishAll } from "./drain.ts";
import type { Measurement } from "./measurement.ts";
import { median, wrk } from "./reads.ts";

type Modes = Readonly<Record<string, Readonly<Record<string, string>>>>;

export async function measureTelemetry(stack: Stack, say: (text: string) => void): Promise<Measurement[]> {
  await using jaeger = await Jaeger.start(join(stack.folder, "jaeger"), say);
  if (!jaeger) throw new Error("tracing is measured with a Jaeger");
  const sampled = (share: string) => ({
    ...jaeger.environment,
    OTEL_TRACES_EXPORTER: "jaeger",
    OTEL_TRACES_SAMPLER: "parentbased_traceidratio",
    OTEL_TRACES_SAMPLER_ARG: share,
  });
  const modes = { off: {}, "1 %": sampled("0.01"), "100 %": sampled("1") };
  return [
    ...(await inTurns("reads", "requests/s", modes, say, await readsOf(stack, modes))),
    ...(await inTurns("drains", "orders/s", modes, say, drainOf(stack))),
  ];
}

/** Measures each mode once a round. @returns the medians, each beside that of `off`. */
async function inTurns(
  name: string,
  unit: string,
  modes: Modes,
  say: (text: string) => void,
  {
    measure,
    end,
  }: { measure: (mode: string, environment: Modes[string]) => Promise<number>; end: () => Promise<void> },
): Promise<Measurement[]> {
  const figures = new Map(Object.keys(modes).map((mode) => [mode, [] as number[]]));
  const entries = Object.entries(modes);
  for (let round = 0; round < ROUNDS; round++) {
    for (let turn = 0; turn < entries.length; turn++) {
      const [mode, environment] = entries[(turn + round) % entries.length] as (typeof entries)[number];
      figures.get(mode)?.push(await measure(mode, environment));
    }
    const shown = [...figures].map(([mode, values]) => `${mode} ${Math.round(values.at(-1) ?? 0)}`);
    say(`telemetry: ${name}, round ${round + 1} of ${ROUNDS}: ${shown.join(", ")}`);
  }
  await end();
  const limit = median(figures.get("off") ?? []);
  return entries.slice(1).map(([mode]) => {
    const figure = median(figures.get(mode) ?? []);
    const isGoal = mode === "1 %";
    return {
      name: `${name} with ${mode} traced`,
      figure,
      unit,
      limit,
      goal: isGoal ? "≥ 0.97 of off" : "-",
      met: !isGoal || figure >= 0.97 * limit,
    };
  });
}

/** One service a mode, side by side, with the same order in memory. */
async function readsOf(stack: Stack, modes: Modes) {
  const order = new OrderFactory(1).next();
  const services = new Map<string, ServiceProcess>();
  for (const [mode, environment] of Object.entries(modes)) {
    const all = { ...stack.environment, ...environment, SOURCES: "http" };
    services.set(mode, await startServiceProcess(all, stack.folder));
  }
  const [first] = services.values();
  await using transport = connectToHttp(first?.url as string, undefined);
  await transport.publish(toPayload(order));
  const urlOf = (mode: string) => `${services.get(mode)?.url}/orders/${order.order_uid}`;
  for (const mode of services.keys()) while (!(await fetch(urlOf(mode))).ok);
  return {
    measure: async (mode: string) => {
      if (mode !== "off") await (await fetch(`${services.get(mode)?.url}/metrics`)).text();
      return wrk(urlOf(mode));
    },
    end: async () => {
      for (const { child } of services.values()) await child.end("SIGTERM");
    },
  };
}

/** A new service each time, on orders of its own that wait in the broker. */
function drainOf(stack: Stack) {
  let runs = 0;
  return {
    measure: async (_mode: string, environment: Modes[string]) => {
      const factory = new OrderFactory(1, `telemetry${runs++}x`);
      const payloads = Array.from({ length: ORDERS }, () => toPayload(factory.next()));
      await publishAll(stack.broker?.url as string, payloads);
      return drain(stack, ORDERS, () => {}, { environment: environment ?? {} });
    },
    end: async () => {},
  };
}

const ROUNDS = 5;
const ORDERS = 60_000;
