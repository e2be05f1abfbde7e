/** `npm run demo`. With `--once` it audits and exits; otherwise it runs until Ctrl-C. */
import { join } from "node:path";
import { command, decimal, exits, integer, Option, run } from "../../src/cli/command.ts";
import { Progress } from "../../src/cli/progress.ts";
import { KITS } from "../domains/index.ts";
import type { DomainKit } from "../domains/kit.ts";
import { domainOption } from "../domains/option.ts";
import { randomSeed, SEED_MAX } from "../domains/random.ts";
import { connectTo } from "../publisher/connect.ts";
import { makeLoad, readMix } from "../publisher/load.ts";
import { publish } from "../publisher/publish.ts";
import { describe } from "../publisher/report.ts";
import { traced } from "../publisher/traced.ts";
import { BROKER_KINDS, type BrokerKind, HOW_TO_GET } from "./broker.ts";
import { Jaeger } from "./jaeger.ts";
import { Prometheus } from "./prometheus.ts";
import { type ServiceProcess, startServiceProcess } from "./service.ts";
import { type Stack, startStack } from "./stack.ts";
import { watchForStop } from "./stopping.ts";

const demo = command("demo", "Runs the service on its own stack with a mixed load, and verifies the result.")
  .option(
    "--once",
    "publish, verify, audit, print the summary and exit: status 0 if every message is accounted for",
  )
  .addOption(
    new Option("--source <kind>", "broker to publish through")
      .choices(BROKER_KINDS)
      .default("nats-streaming"),
  )
  .addOption(domainOption())
  .option("--garbage <fraction>", "fraction of invalid messages", decimal(0, 1), 0.1)
  .option("--duplicates <fraction>", "fraction of exact copies", decimal(0, 1), 0.05)
  .option("--conflicts <fraction>", "fraction of used ids with other content", decimal(0, 1), 0.02)
  .option("--rate <number>", "messages per second; 0 for no limit", integer(0, 1_000_000), 1_000)
  .option(
    "--seed <number>",
    "generate the same messages as an earlier run, under new ids (default: random, printed)",
    integer(0, SEED_MAX),
  )
  .option("--observe", "also start Prometheus and Jaeger, if available, and trace every message")
  .option(
    "--port <number>",
    "port of the service (default: 3000, or a free port if it is taken; with --once a free port)",
    integer(0, 65_535),
  )
  .action(
    exits(async ({ domain: kit, rate, seed = randomSeed(), once, observe, port, source, ...fractions }) => {
      const mix = readMix(fractions);
      const count = counts.get(kit) ?? COUNT;
      const signal = watchForStop();
      await using started = new AsyncDisposableStack();
      const stack = started.use(await startStack("demo", say, { source, kits: [kit] }));
      if (signal.aborted) return 1;
      if (!stack.broker) warnWithoutBroker(source);
      const jaeger = observe ? await startJaeger(stack) : undefined;
      if (jaeger) started.use(jaeger);
      say("starting the service");
      const service = await startService(stack, once ? (port ?? 0) : port);
      started.defer(() => service.child.end("SIGTERM"));
      if (signal.aborted) return 1;
      const prometheus = observe ? await startPrometheus(stack, service) : undefined;
      if (prometheus) started.use(prometheus);

      using progress = new Progress();
      // First messages must not count as published.
      const first = await settledSum(service.url, kit, kit.domain.firstMessages?.length ?? 0, progress);
      const report = await publishTo(stack, service.url, {
        kit,
        load: makeLoad(kit, kit.createFactory(seed), count, mix),
        count,
        rate,
        onProgress: (phase, step) => progress.show(phase, step),
        signal,
      });
      progress.end();
      process.stdout.write(describe(kit, report, seed));
      if (signal.aborted) return 1;

      const sum = await settledSum(service.url, kit, first.received + report.published, progress);
      progress.end();
      const { published, mustProject, failed, verification } = report;
      const isServed = verification?.missing.length === 0 && verification.different.length === 0;
      // Ticks of a timer are all projected.
      const ticks = sum.received - first.received - published;
      const isSettled =
        sum.pending === 0 &&
        (kit.domain.timer ? ticks >= 0 : ticks === 0) &&
        sum.projected - first.projected === mustProject + ticks;
      const holds = sum.holds && isSettled && isServed && failed === 0;
      process.stdout.write(
        `received ${sum.received} = projected ${sum.projected} + duplicate ${sum.duplicate} + dead ${sum.dead} + pending ${sum.pending}\n` +
          (holds
            ? "Every published message is accounted for.\n"
            : "NOT every published message is accounted for.\n"),
      );
      if (once) return holds ? 0 : 1;

      process.stdout.write(
        addresses(kit, stack, service, { Jaeger: jaeger?.url, Prometheus: prometheus?.url }),
      );
      if (!signal.aborted) await new Promise((resolve) => signal.addEventListener("abort", resolve));
      say("stopping");
      return holds ? 0 : 1;
    }),
  );

/** From the options `--<domain>`. */
const counts = new Map<DomainKit, number>();
/** Tracing, for service and publisher. */
let observed: Readonly<Record<string, string>> = {};

async function startJaeger(stack: Stack): Promise<Jaeger | undefined> {
  const jaeger = await Jaeger.start(join(stack.folder, "jaeger"), say).catch(continueWithout);
  if (jaeger === null) return undefined;
  if (!jaeger) {
    say("Jaeger was not found: put jaeger-all-in-one on PATH, or install Go to build it");
    return undefined;
  }
  observed = {
    ...jaeger.environment,
    OTEL_TRACES_EXPORTER: "jaeger",
    TRACE_URL: `${jaeger.url}/trace/{trace_id}`,
  };
  Object.assign(process.env, observed);
  return jaeger;
}

async function startPrometheus(stack: Stack, { url }: ServiceProcess): Promise<Prometheus | undefined> {
  const prometheus = await Prometheus.start(join(stack.folder, "prometheus"), new URL(url).host).catch(
    continueWithout,
  );
  if (prometheus === null) return undefined;
  if (!prometheus)
    say("Prometheus was not found: put prometheus on PATH (Debian: apt-get install prometheus)");
  return prometheus;
}

/** Monitoring is optional. */
function continueWithout(error: Error): null {
  say(`continuing without it: ${error.message}`);
  return null;
}

async function startService(stack: Stack, port: number | undefined): Promise<ServiceProcess> {
  const onPort = (number: number) =>
    startServiceProcess({ ...stack.environment, ...observed, HTTP_PORT: String(number) }, stack.folder);
  if (port !== undefined) return onPort(port);
  return onPort(3000).catch(() => {
    say("port 3000 is taken; using a free port");
    return onPort(0);
  });
}

async function publishTo(
  stack: Stack,
  serviceUrl: string,
  options: Omit<Parameters<typeof publish>[0], "transport" | "verifyUrl">,
) {
  const { broker, environment } = stack;
  await using transport = await traced(() =>
    connectTo(options.kit, broker?.kind ?? "http", environment, serviceUrl),
  );
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

/** Gives up when nothing changes for STANDSTILL_MS_MAX. */
async function settledSum(
  url: string,
  { domain }: DomainKit,
  received: number,
  progress: Progress,
): Promise<Sum> {
  let [movedAt, last] = [performance.now(), ""];
  for (;;) {
    const { holds, domains } = (await (await fetch(`${url}/audit`)).json()) as {
      holds: boolean;
      domains: Record<string, Sum>;
    };
    const sum = { ...(domains[domain.name] as Sum), holds };
    if (sum.pending === 0 && sum.received >= received) return sum;
    const now = `${sum.received} ${sum.pending}`;
    if (now !== last) movedAt = performance.now();
    last = now;
    if (performance.now() - movedAt > STANDSTILL_MS_MAX) return sum;
    progress.show("waiting for outcomes", { done: sum.received - sum.pending, total: received });
    await new Promise((resolve) => setTimeout(resolve, SETTLE_POLL_MS));
  }
}

function addresses(
  kit: DomainKit,
  { broker, brokerEnvironment, environment }: Stack,
  { url, logFile }: ServiceProcess,
  observers: Readonly<Record<string, string | undefined>>,
): string {
  const domainAddresses = Object.entries(kit.addresses).map(
    ([name, path]) => `  ${name.padEnd(11)}${url}${path}\n`,
  );
  const observing = Object.entries(observers).flatMap(([name, address]) =>
    address === undefined ? [] : [`  ${name.toLowerCase().padEnd(11)}${address}\n`],
  );
  const variables = Object.entries({ ...brokerEnvironment, ...kit.environment }).map(
    ([name, value]) => `${name}=${value} `,
  );
  const where = `--to ${broker?.kind ?? "http"} --verify ${url}`;
  const publishing = `${variables.join("")}npm run publisher -- ${kit === KITS[0] ? "" : `--domain ${kit.domain.name} `}--count 1000 --rate 200 ${where}`;
  return `
The service runs until Ctrl-C.
  page       ${url}/
  letters    ${url}/ui/dead-letters
  API        ${url}/docs
${domainAddresses.join("")}  audit      ${url}/audit
  metrics    ${url}/metrics
${observing.join("")}  log        ${logFile}
${kit.signIn ? `  sign in    ${kit.signIn()}\n` : ""}  database   ${environment.DATABASE_URL}
More load:   ${publishing}
`;
}

function warnWithoutBroker(source: BrokerKind): void {
  const line = "!".repeat(78);
  process.stderr.write(
    `${line}\n${HOW_TO_GET[source]}\nThe demo runs WITHOUT A BROKER, over HTTP only.\n${line}\n`,
  );
}

function say(text: string): void {
  process.stderr.write(`demo: ${text}\n`);
}

/** Every kind of message within seconds. */
const COUNT = 2_000;

const STANDSTILL_MS_MAX = 60_000;
const SETTLE_POLL_MS = 200;

for (const kit of KITS) {
  const { name } = kit.domain;
  const option = new Option(
    `--${name} <number>`,
    `number of messages of ${name} to publish (default: ${COUNT})`,
  );
  demo.addOption(option.argParser((text) => counts.set(kit, integer(0, Number.MAX_SAFE_INTEGER)(text))));
}
await run(demo);
