/** The command `npm run bench`: figures beside what the same machine could do in the same run. */
import { rename, writeFile } from "node:fs/promises";
import { cpus } from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { BROKER_KINDS } from "../tools/stack/broker.ts";
import { type Stack, startStack } from "../tools/stack/stack.ts";
import { measureAudit } from "./audit.ts";
import { measureBrokers } from "./brokers.ts";
import { measureDeadLetters } from "./deadletters.ts";
import { measureDrain } from "./drain.ts";
import { measureGrowth } from "./growth.ts";
import { measureLatency } from "./latency.ts";
import { documentOf, type Measurement, tableOf } from "./measurement.ts";
import { measureOutage } from "./outage.ts";
import { measureOverhead } from "./overhead.ts";
import { measureReads } from "./reads.ts";
import { measureRebuild } from "./rebuild.ts";
import { measureRestart } from "./restart.ts";
import { measureSettings } from "./settings.ts";
import { measureSlowDatabase } from "./slow.ts";
import { measureStages } from "./stages.ts";

const USAGE = `Usage: npm run bench -- [NAME] [--json] [--orders N] [--rows N] [--minutes M] [--cpu-prof FOLDER]

Without a name everything of the first list is measured, and bench/results.json and bench/RESULTS.md are written anew.

  drain        orders that wait in the broker (--orders, default 200000) until all are readable, beside COPY
  stages       append, projection and rebuild, each alone
  latency      publish to readable at 100, 1,000 and 5,000 a second
  reads        GET /orders/:id: hit, 304, miss, 404, beside a bare node:http (needs wrk)
  restart      a start with many orders (--rows, default 1000000): ready, warm, memory
  growth       the drain with 0, 1 and 5 million rows in the inbox
  deadletters  pages of dead letters by every filter, among --rows of them
  overhead     of metrics, logs and traces, on drain and reads (needs wrk)

  brokers      the drain from NATS Streaming, JetStream and Kafka, side by side
  audit        of --rows orders, and of 60,000 that came since
  rebuild      waybill rebuild of --rows orders while the service answers reads
  outage       the database away for --minutes (default 1) with the broker at full speed: memory, and the drain after
  settings     of PostgreSQL, each beside its defaults: the drain
  slow         a database that answers late: rate, append time, redeliveries, timers and memory

  --source KIND      through which broker: nats-streaming (default), jetstream or kafka
  --cpu-prof FOLDER  writes processor profiles of the service while it drains
  --json             prints every single figure`;

const say = (text: string) => process.stderr.write(`${text}\n`);

type Options = Readonly<{ orders: number; rows: number; minutes: number; nodeOptions: readonly string[] }>;
type Part = (stack: Stack, options: Options) => Promise<readonly Measurement[]>;

/** What is measured without a name. */
const MAIN_PARTS: Readonly<Record<string, Part>> = {
  drain: (stack, { orders, nodeOptions }) => measureDrain(stack, orders, say, nodeOptions),
  stages: (stack, { orders }) => measureStages(stack, orders, say),
  latency: (stack) => measureLatency(stack, say),
  reads: (stack) => measureReads(stack, say),
  restart: (stack, { rows }) => measureRestart(stack, rows, say),
  growth: (stack, { orders }) => measureGrowth(stack, orders / 2, say),
  deadletters: async (stack, { rows }) => [await measureDeadLetters(stack, rows, say)],
  overhead: (stack) => measureOverhead(stack, say),
};

const PARTS: Readonly<Record<string, Part>> = {
  ...MAIN_PARTS,
  brokers: (stack, { orders }) => measureBrokers(stack, orders, say),
  audit: (stack, { rows }) => measureAudit(stack, rows, say),
  rebuild: async (stack, { rows }) => [await measureRebuild(stack, rows, say)],
  outage: (stack, { minutes }) => measureOutage(stack, minutes, say),
  settings: (stack, { orders }) => measureSettings(stack, orders, say),
  slow: (stack) => measureSlowDatabase(stack, say),
};

async function main(): Promise<number> {
  const options = {
    json: { type: "boolean", default: false },
    orders: { type: "string", default: "200000" },
    rows: { type: "string", default: "1000000" },
    minutes: { type: "string", default: "1" },
    source: { type: "string", default: "nats-streaming" },
    "cpu-prof": { type: "string" },
    help: { type: "boolean", short: "h", default: false },
  } as const;
  let parsed: ReturnType<typeof parseArgs<{ options: typeof options; allowPositionals: true }>>;
  try {
    parsed = parseArgs({ options, allowPositionals: true });
  } catch (error) {
    return refuse((error as Error).message);
  }
  const { values, positionals } = parsed;
  if (values.help) {
    process.stdout.write(`${USAGE}\n`);
    return 0;
  }
  const [name] = positionals;
  const [orders, rows, minutes] = [Number(values.orders), Number(values.rows), Number(values.minutes)];
  if (name !== undefined && !Object.hasOwn(PARTS, name)) {
    return refuse(`there is no ${name}; choose one of ${Object.keys(PARTS).join(", ")}`);
  }
  if (![orders, rows].every((count) => Number.isInteger(count) && count >= 10_000) || !(minutes > 0)) {
    return refuse("--orders and --rows must be whole numbers of at least 10000, and --minutes more than 0");
  }
  const source = BROKER_KINDS.find((kind) => kind === values.source);
  if (!source) return refuse(`--source must be one of ${BROKER_KINDS.join(", ")}`);
  if (name === undefined && source !== "nats-streaming") return refuse("--source goes with a name");
  const folder = values["cpu-prof"];
  const nodeOptions = folder === undefined ? [] : ["--cpu-prof", `--cpu-prof-dir=${folder}`];

  const begun = performance.now();
  const results: Measurement[] = [];
  for (const one of name === undefined ? Object.keys(MAIN_PARTS) : [name]) {
    const part = PARTS[one] as Part;
    await using stack = await startStack("bench", () => {}, { source });
    say(`${one}: begins after ${Math.round((performance.now() - begun) / 1000)} s`);
    results.push(...(await part(stack, { orders, rows, minutes, nodeOptions })));
  }
  const documents = results.map(documentOf);
  process.stdout.write(values.json ? `${JSON.stringify(documents)}\n` : tableOf(results));
  if (name === undefined) await keep(results, (performance.now() - begun) / 1000);
  return 0;
}

/** Both files at once, and neither of them half. */
async function keep(results: readonly Measurement[], seconds: number): Promise<void> {
  const machine = `${cpus().length} processors (${cpus()[0]?.model.trim()}), Node ${process.versions.node}`;
  const date = new Date().toISOString().slice(0, 10);
  const head =
    `# Results\n\nWritten by \`npm run bench\` on ${date} in ${Math.round(seconds / 60)} minutes: service, PostgreSQL, ` +
    `broker, publisher and load all on ${machine}. Medians of the rounds, with the least and the most.\n\n`;
  const files = {
    "results.json": `${JSON.stringify({ date, machine, seconds, results: results.map(documentOf) }, null, 2)}\n`,
    "RESULTS.md": head + tableOf(results),
  };
  for (const [file, content] of Object.entries(files)) {
    const path = fileURLToPath(new URL(file, import.meta.url));
    await writeFile(`${path}.new`, content);
    await rename(`${path}.new`, path);
  }
}

function refuse(problem: string): number {
  process.stderr.write(`bench: ${problem}\n\n${USAGE}\n`);
  return 2;
}

process.exitCode = await main().catch((error: unknown) => {
  process.stderr.write(`bench: ${error instanceof Error ? error.message : String(error)}\n`);
  return 1;
});
