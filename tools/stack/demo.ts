/**
 * The command `npm run demo`: the whole service on a stack of its own, with a mixed load through it, verified. With
 * `--once` it audits, prints the sum and ends; without, it runs until Ctrl-C.
 */
import { join } from "node:path";
import { parseArgs } from "node:util";
import { connectTo } from "../publisher/connect.ts";
import { makeLoad } from "../publisher/load.ts";
import { OrderFactory } from "../publisher/orders.ts";
import { showProgress } from "../publisher/progress.ts";
import { publish } from "../publisher/publish.ts";
import { describe } from "../publisher/report.ts";
import { traced } from "../publisher/traced.ts";
import { BROKER_KINDS, type BrokerKind, HOW_TO_GET } from "./broker.ts";
import { Jaeger } from "./jaeger.ts";
import { Prometheus } from "./prometheus.ts";
import { type ServiceProcess, startServiceProcess } from "./service.ts";
import { type Stack, startStack } from "./stack.ts";
import { watchForStop } from "./stopping.ts";

const OPTIONS = {
  once: { type: "boolean", default: false },
  orders: { type: "string", default: "2000" },
  garbage: { type: "string", default: "0.1" },
  duplicates: { type: "string", default: "0.05" },
  conflicts: { type: "string", default: "0.02" },
  source: { type: "string", default: "nats-streaming" },
  rate: { type: "string", default: "1000" },
  seed: { type: "string" },
  port: { type: "string" },
  observe: { type: "boolean", default: false },
  help: { type: "boolean", short: "h", default: false },
} as const;

const USAGE = `Usage: npm run demo -- [options]

  --once             publish, verify, audit, print the sum and end: status 0 where everything is accounted for
  --source KIND      through which broker: nats-streaming (default), jetstream or kafka
  --orders N         how many messages to publish (default 2000)
  --garbage P, --duplicates P, --conflicts P
                     fractions that are no order, exact copies, other content under a used id
                     (default 0.1, 0.05, 0.02)
  --rate N           messages per second, 0 for as fast as it goes (default 1000)
  --seed N           the same messages again, under new ids
  --observe          starts Prometheus and Jaeger beside it, where they can be had, and traces every message
  --port N           the service's port (default 3000, or a free one where that is taken; with --once a free one)`;

class UsageError extends Error {}

async function main(): Promise<number> {
  const values = readOptions();
  if (values.help) {
    process.stdout.write(`${USAGE}\n`);
    return 0;
  }
  return await run(values, watchForStop());
}

async function run(values: ReturnType<typeof readOptions>, signal: AbortSignal): Promise<number> {
  const count = numberOf("orders", values.orders, Number.MAX_SAFE_INTEGER);
  const mix = {
    garbage: numberOf("garbage", values.garbage, 1),
    duplicates: numberOf("duplicates", values.duplicates, 1),
    conflicts: numberOf("conflicts", values.conflicts, 1),
  };
  if (mix.garbage + mix.duplicates + mix.conflicts > 1)
    throw new UsageError("the fractions add up to more than 1");
  const source = BROKER_KINDS.find((kind) => kind === values.source);
  if (!source) {
    throw new UsageError(`--source must be one of ${BROKER_KINDS.join(", ")} (was "${values.source}")`);
  }
  const rate = numberOf("rate", values.rate, Number.MAX_SAFE_INTEGER);
  const seed =
    values.seed === undefined ? Math.floor(Math.random() * 2 ** 31) : numberOf("seed", values.seed, 2 ** 32);
  const port = values.port === undefined ? undefined : numberOf("port", values.port, 65_535);

  await using started = new AsyncDisposableStack();
  const stack = started.use(await startStack("demo", say, { source }));
  if (signal.aborted) return 1;
  if (!stack.broker) warnWithoutBroker(source);
  const jaeger = values.observe ? await startJaeger(stack) : undefined;
  if (jaeger) started.use(jaeger);
  say("starting the service");
  const service = await startService(stack, values.once ? (port ?? 0) : port);
  started.defer(() => service.child.end("SIGTERM"));
  if (signal.aborted) return 1;
  const prometheus = values.observe ? await startPrometheus(stack, service) : undefined;
  if (prometheus) started.use(prometheus);

  const progress = showProgress(count, false);
  const report = await publishTo(stack, service.url, {
    load: makeLoad(new OrderFactory(seed), count, mix),
    rate,
    onProgress: progress.update,
    signal,
  });
  progress.stop();
  process.stdout.write(describe(report, seed));
  if (signal.aborted) return 1;

  const sum = await settledSum(service.url, report.published);
  const { verification } = report;
  const isComplete =
    verification?.missing.length === 0 && verification.different.length === 0 && report.failed === 0;
  const holds = sum.holds && sum.pending === 0 && sum.received === report.published && isComplete;
  process.stdout.write(
    `received ${sum.received} = projected ${sum.projected} + duplicate ${sum.duplicate} + dead ${sum.dead} + pending ${sum.pending}\n` +
      (holds
        ? "Every published message is accounted for.\n"
        : "NOT every published message is accounted for.\n"),
  );
  if (values.once) return holds ? 0 : 1;

  process.stdout.write(addresses(stack, service, { Jaeger: jaeger?.url, Prometheus: prometheus?.url }));
  await new Promise((resolve) => signal.addEventListener("abort", resolve));
  say("stopping");
  return holds ? 0 : 1;
}

/** The variables of tracing, for the service and for what publishes here. */
let observed: Readonly<Record<string, string>> = {};

async function startJaeger(stack: Stack): Promise<Jaeger | undefined> {
  const jaeger = await Jaeger.start(join(stack.folder, "jaeger"), say);
  if (!jaeger) {
    say("no Jaeger: put jaeger-all-in-one on PATH, or Go to build it");
    return undefined;
  }
  observed = { ...jaeger.environment, OTEL_TRACES_EXPORTER: "jaeger" };
  Object.assign(process.env, observed);
  return jaeger;
}

async function startPrometheus(stack: Stack, { url }: ServiceProcess): Promise<Prometheus | undefined> {
  const prometheus = await Prometheus.start(join(stack.folder, "prometheus"), new URL(url).host);
  if (!prometheus) say("no Prometheus: put prometheus on PATH (Debian: apt-get install prometheus)");
  return prometheus;
}

async function startService(stack: Stack, port: number | undefined): Promise<ServiceProcess> {
  const onPort = (number: number) =>
    startServiceProcess({ ...stack.environment, ...observed, HTTP_PORT: String(number) }, stack.folder);
  if (port !== undefined) return onPort(port);
  return onPort(3000).catch(() => {
    say("port 3000 is taken; taking a free one");
    return onPort(0);
  });
}

async function publishTo(
  stack: Stack,
  serviceUrl: string,
  options: Omit<Parameters<typeof publish>[0], "transport" | "verifyUrl">,
) {
  const { broker, environment } = stack;
  await using transport = await traced(() => connectTo(broker?.kind ?? "http", environment, serviceUrl));
  return await publish({ ...options, transport, verifyUrl: serviceUrl });
}

type Sum = {
  holds: boolean;
  received: number;
  projected: number;
  duplicate: number;
  dead: number;
  pending: number;
};

/** Audits until what was published has its outcome, or it takes too long. */
async function settledSum(url: string, published: number): Promise<Sum> {
  const deadline = performance.now() + SETTLE_TIMEOUT_MS;
  for (;;) {
    const { holds, domains } = (await (await fetch(`${url}/audit`)).json()) as {
      holds: boolean;
      domains: { orders: Sum };
    };
    const sum = { ...domains.orders, holds };
    if ((sum.pending === 0 && sum.received >= published) || performance.now() > deadline) return sum;
    await new Promise((resolve) => setTimeout(resolve, SETTLE_POLL_MS));
  }
}

function addresses(
  { broker, environment }: Stack,
  { url, logFile }: ServiceProcess,
  observers: Readonly<Record<string, string | undefined>>,
): string {
  const observing = Object.entries(observers).flatMap(([name, address]) =>
    address === undefined ? [] : [`  ${name.toLowerCase().padEnd(11)}${address}\n`],
  );
  const variables = Object.entries(broker?.environment() ?? {}).map(([name, value]) => `${name}=${value} `);
  const where = `--to ${broker?.kind ?? "http"} --verify ${url}`;
  const publishing = `${variables.join("")}npm run publisher -- --count 1000 --rate 200 ${where}`;
  return `
The service runs until Ctrl-C.
  page       ${url}/
  letters    ${url}/ui/dead-letters
  API        ${url}/docs
  orders     ${url}/orders
  audit      ${url}/audit
  metrics    ${url}/metrics
${observing.join("")}  log        ${logFile}
  database   ${environment.DATABASE_URL}
More load:   ${publishing}
`;
}

function warnWithoutBroker(source: BrokerKind): void {
  const line = "!".repeat(78);
  process.stderr.write(
    `${line}\n${HOW_TO_GET[source]}\nThe demo runs WITHOUT A BROKER, over the http source alone.\n${line}\n`,
  );
}

function readOptions() {
  try {
    return parseArgs({ options: OPTIONS }).values;
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

function numberOf(name: string, text: string, most: number): number {
  const isFraction = most === 1;
  const value = (isFraction ? /^(\d+|\d*\.\d+)$/ : /^\d{1,15}$/).test(text) ? Number(text) : Number.NaN;
  if (value <= most) return value;
  throw new UsageError(
    `--${name} must be a ${isFraction ? "number from 0 to 1" : "whole number"} (was "${text}")`,
  );
}

function say(text: string): void {
  process.stderr.write(`demo: ${text}\n`);
}

const SETTLE_TIMEOUT_MS = 60_000;
const SETTLE_POLL_MS = 200;

try {
  process.exitCode = await main();
} catch (error) {
  const isUsage = error instanceof UsageError;
  process.stderr.write(`demo: ${(error as Error).message}\n${isUsage ? `\n${USAGE}\n` : ""}`);
  process.exitCode = isUsage ? 2 : 1;
}
