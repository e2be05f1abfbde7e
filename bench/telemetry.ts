/**
 * What being watched costs: the drain and reads from memory with tracing off, with one trace in a hundred and with all
 * of them, and with a Prometheus that scrapes. They take turns, several times.
 */
import { join } from "node:path";
import { toPayload } from "../tools/publisher/load.ts";
import { OrderFactory } from "../tools/publisher/orders.ts";
import { Jaeger } from "../tools/stack/jaeger.ts";
import { Prometheus } from "../tools/stack/prometheus.ts";
import type { Stack } from "../tools/stack/stack.ts";
import { drain, publishAll } from "./drain.ts";
import type { Measurement } from "./measurement.ts";
import { median, wrk } from "./reads.ts";

export async function measureTelemetry(stack: Stack, say: (text: string) => void): Promise<Measurement[]> {
  if (!stack.broker) throw new Error("the drain needs a NATS Streaming server");
  await using jaeger = await Jaeger.start(join(stack.folder, "jaeger"), say);
  if (!jaeger) throw new Error("tracing is measured with a Jaeger");
  const sampled = (share: string) => ({
    ...jaeger.environment,
    OTEL_TRACES_EXPORTER: "jaeger",
    OTEL_TRACES_SAMPLER: "parentbased_traceidratio",
    OTEL_TRACES_SAMPLER_ARG: share,
  });
  const modes = { off: {}, "1 %": sampled("0.01"), "100 %": sampled("1") } as const;
  const figures = new Map(
    Object.keys(modes).map((mode) => [mode, { drains: [] as number[], reads: [] as number[] }]),
  );
  for (let round = 0; round < ROUNDS; round++) {
    for (const [place, [mode, environment]] of Object.entries(modes).entries()) {
      const factory = new OrderFactory(round, `t${round}${place}x`);
      const payloads = Array.from({ length: ORDERS }, () => toPayload(factory.next()));
      const { order_uid } = JSON.parse(String(payloads.at(-1))) as { order_uid: string };
      await publishAll(stack.broker.url, payloads);
      const figure = figures.get(mode);
      const whileItRuns = async (url: string) => {
        // Everything on means a scraper too.
        await using _prometheus =
          mode === "off"
            ? undefined
            : await Prometheus.start(join(stack.folder, `prometheus-${place}-${round}`), new URL(url).host);
        figure?.reads.push(wrk(`${url}/orders/${encodeURIComponent(order_uid)}`));
      };
      figure?.drains.push(await drain(stack, ORDERS, () => {}, { environment, whileItRuns }));
      say(
        `telemetry: round ${round + 1} of ${ROUNDS}, ${mode}: drain ${Math.round(figure?.drains.at(-1) ?? 0)}/s, reads ${Math.round(figure?.reads.at(-1) ?? 0)}/s`,
      );
    }
  }
  return (["drains", "reads"] as const).flatMap((kind) => {
    const limit = median(figures.get("off")?.[kind] ?? []);
    return ["1 %", "100 %"].map((mode) => {
      const figure = median(figures.get(mode)?.[kind] ?? []);
      const isGoal = mode === "1 %";
      return {
        name: `${kind} with ${mode} traced`,
        figure,
        unit: kind === "drains" ? "orders/s" : "requests/s",
        limit,
        goal: isGoal ? "≥ 0.97 of off" : "-",
        met: !isGoal || figure >= 0.97 * limit,
      };
    });
  });
}

const ROUNDS = 5;
const ORDERS = 60_000;
