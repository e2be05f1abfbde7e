/** `npm run bench`: figures and the machine's limits in the same run. */
import { rename, writeFile } from "node:fs/promises";
import { cpus } from "node:os";
import { Argument, command, decimal, exits, integer, Option, run } from "../src/cli/command.ts";
import { InvalidInputError } from "../src/contract/errors.ts";
import { writeFigures } from "../tools/docs/documents.ts";
import { BROKER_KINDS } from "../tools/stack/broker.ts";
import { type Stack, startStack } from "../tools/stack/stack.ts";
import { watchForStop } from "../tools/stack/stopping.ts";
import { measureAudit } from "./audit.ts";
import { measureBrokers } from "./brokers.ts";
import { compareWith, comparisonTable } from "./compare.ts";
import { measureDeadLetters } from "./deadletters.ts";
import { measureDrain } from "./drain.ts";
import { measureGrowth } from "./growth.ts";
import { measureLatency } from "./latency.ts";
import { measureMarketplace } from "./marketplace.ts";
import { documentOf, type Measurement, tableOf } from "./measurement.ts";
import { measureOutage } from "./outage.ts";
import { measureOutbox } from "./outbox.ts";
import { measureOverhead } from "./overhead.ts";
import { measureReads } from "./reads.ts";
import { measureRebuild } from "./rebuild.ts";
import { measureRestart } from "./restart.ts";
import { RESULTS_FILE, type Results, type Run, readResults } from "./results.ts";
import { measureSettings } from "./settings.ts";
import { measureSlowDatabase } from "./slow.ts";
import { measureStages } from "./stages.ts";
import { measureWallet } from "./wallet.ts";
import { measureAnswers } from "./wallet-answers.ts";

const say = (text: string) => process.stderr.write(`${text}\n`);

type Options = Readonly<{
  orders: number;
  /** Undefined for a part's own default. */
  rows: number | undefined;
  minutes: number;
  nodeOptions: readonly string[];
}>;
type Part = Readonly<{
  shows: string;
  measure: (stack: Stack, options: Options) => Promise<readonly Measurement[]>;
}>;

const ROWS = 1_000_000;
/** An export takes a tenth of a millisecond a letter, and there are two. */
const LETTERS = 200_000;

/** Run without a name. */
const MAIN_PARTS: Readonly<Record<string, Part>> = {
  drain: {
    shows: "rate at which --orders waiting in the broker become readable, compared with COPY",
    measure: (stack, { orders, nodeOptions }) => measureDrain(stack, orders, say, nodeOptions),
  },
  stages: {
    shows: "append, projection and rebuild, each separately",
    measure: (stack, { orders }) => measureStages(stack, orders, say),
  },
  latency: {
    shows: "latency from publish to readable at 100, 1,000 and 5,000 a second",
    measure: (stack) => measureLatency(stack, say),
  },
  reads: {
    shows: "GET /orders/:id: hit, 304, miss, 404, compared with a bare node:http server (needs wrk)",
    measure: (stack) => measureReads(stack, say),
  },
  restart: {
    shows: "start with --rows orders: ready, cache restored, memory",
    measure: (stack, { rows = ROWS }) => measureRestart(stack, rows, say),
  },
  deadletters: {
    shows: "pages of dead letters with every filter, among --rows letters",
    measure: async (stack, { rows = LETTERS }) => [await measureDeadLetters(stack, rows, say)],
  },
  wallet: {
    shows: "--orders wallet commands, on many accounts and on one, compared with row locks",
    measure: (stack, { orders }) => measureWallet(stack, orders, say),
  },
  outbox: {
    shows:
      "--orders events from the outbox to Kafka, the cost of events for the projection, their lag (--minutes)",
    measure: (stack, { orders, minutes }) => measureOutbox(stack, orders, minutes * 60, say),
  },
};

/** Run by name only. */
const MORE_PARTS: Readonly<Record<string, Part>> = {
  growth: {
    shows: "drain with 0, 1 and 5 million rows in the inbox",
    measure: (stack, { orders }) => measureGrowth(stack, orders / 2, say),
  },
  overhead: {
    shows: "cost of metrics, logs and traces for drain and reads (needs wrk)",
    measure: (stack) => measureOverhead(stack, say),
  },
  brokers: {
    shows: "drain from NATS Streaming, JetStream and Kafka, compared",
    measure: (stack, { orders }) => measureBrokers(stack, orders, say),
  },
  audit: {
    shows: "full audit of --rows orders, and incremental audit of 60,000 more",
    measure: (stack, { rows = ROWS }) => measureAudit(stack, rows, say),
  },
  rebuild: {
    shows: "waybill rebuild of --rows orders while the service serves reads",
    measure: async (stack, { rows = ROWS }) => [await measureRebuild(stack, rows, say)],
  },
  outage: {
    shows: "PostgreSQL down for --minutes with the broker at full speed: memory, and the drain afterwards",
    measure: (stack, { minutes }) => measureOutage(stack, minutes, say),
  },
  settings: {
    shows: "drain with PostgreSQL settings, each compared with the defaults",
    measure: (stack, { orders }) => measureSettings(stack, orders, say),
  },
  answers: {
    shows:
      "wallet answers over HTTP at 100 and 2,000 commands a second for --minutes, with one process and two",
    measure: (stack, { minutes }) => measureAnswers(stack, minutes * 60, say),
  },
  marketplace: {
    shows:
      "marketplace calls for --minutes each: orders, reads, and a cart's list with a warm and a cold cache",
    measure: (_stack, { minutes }) => measureMarketplace(minutes * 60, say),
  },
  slow: {
    shows: "slow PostgreSQL: rate, append time, redeliveries, timers and memory",
    measure: (stack) => measureSlowDatabase(stack, say),
  },
};

const PARTS = { ...MAIN_PARTS, ...MORE_PARTS };

const bench = command("bench", "Measures figures and, in the same run, the machine's limits.")
  .addArgument(
    new Argument("[names...]", "parts to run; without one, all parts of the first list").choices(
      Object.keys(PARTS),
    ),
  )
  .option("--orders <number>", "number of orders", integer(10_000, 1_000_000_000), 200_000)
  .option(
    "--rows <number>",
    `number of existing rows (default: ${ROWS}, of dead letters ${LETTERS})`,
    integer(10_000, 1_000_000_000),
  )
  .option("--minutes <number>", "duration of an outage or of a load", decimal(0.01, 10_000), 1)
  .addOption(
    new Option("--source <kind>", "with a name: broker to publish through")
      .choices(BROKER_KINDS)
      .default("nats-streaming"),
  )
  .option("--cpu-prof <folder>", "write CPU profiles of the service during the drain")
  .option("--keep", "with a name: keep the figures in bench/results.json and write them into the documents")
  .option(
    "--compare <revision>",
    "with names: run them on this git revision and on the present one, in turns",
  )
  .option("--json", "print every figure as JSON")
  .addHelpText(
    "after",
    `
Parts of a run without a name, which writes bench/results.json and the figures of all documents:
${listed(MAIN_PARTS)}

Parts that run by name only:
${listed(MORE_PARTS)}`,
  )
  .action(
    exits(async (names, { compare, json, ...options }, command) => {
      const { orders, rows, minutes, source, cpuProf, keep } = options;
      const isAll = names.length === 0;
      if (isAll && source !== "nats-streaming") {
        throw new InvalidInputError("source", "--source requires the name of a part");
      }
      if (keep && (names.length !== 1 || (names[0] as string) in MAIN_PARTS)) {
        throw new InvalidInputError("keep", "--keep requires the name of one part of the second list");
      }
      if (compare !== undefined) {
        if (isAll || keep) throw new InvalidInputError("compare", "--compare requires names, without --keep");
        // Older revisions know fewer options.
        const given = Object.entries({ orders, rows, minutes, source })
          .filter(([option]) => command.getOptionValueSource(option as keyof typeof options) === "cli")
          .flatMap(([option, value]) => [`--${option}`, String(value)]);
        return await compareParts(compare, names, given, json === true);
      }
      const nodeOptions = cpuProf === undefined ? [] : ["--cpu-prof", `--cpu-prof-dir=${cpuProf}`];
      const begun = performance.now();
      const results: Measurement[] = [];
      for (const part of isAll ? Object.keys(MAIN_PARTS) : names) {
        const { measure } = PARTS[part] as Part;
        await using stack = await startStack("bench", () => {}, { source });
        say(`${part}: starts after ${Math.round((performance.now() - begun) / 1000)} s`);
        results.push(...(await measure(stack, { orders, rows, minutes, nodeOptions })));
      }
      const documents = results.map(documentOf);
      process.stdout.write(json ? `${JSON.stringify(documents)}\n` : tableOf(results));
      const measured = runOf(documents, (performance.now() - begun) / 1000);
      const { parts = {} } = readResults();
      if (isAll) await write({ ...measured, parts });
      else if (keep) {
        const [name] = names;
        const part = source === "nats-streaming" ? `${name}` : `${name} --source ${source}`;
        await write({ ...readResults(), parts: { ...parts, [part]: measured } });
      }
      return 0;
    }),
  );

async function compareParts(
  revision: string,
  names: readonly string[],
  options: readonly string[],
  isJson: boolean,
): Promise<number> {
  const signal = watchForStop();
  try {
    const compared = await compareWith(revision, names, options, signal, say);
    process.stdout.write(isJson ? `${JSON.stringify(compared)}\n` : comparisonTable(revision, compared));
    return 0;
  } catch (error) {
    if (!signal.aborted) throw error;
    return 130;
  }
}

function listed(parts: Readonly<Record<string, Part>>): string {
  return Object.entries(parts)
    .map(([name, { shows }]) => `  ${name.padEnd(13)}${shows}`)
    .join("\n");
}

function runOf(results: Run["results"], seconds: number): Run {
  const machine = `${cpus().length} processors (${cpus()[0]?.model.trim()}), Node ${process.versions.node}`;
  return { date: new Date().toISOString().slice(0, 10), machine, seconds, results };
}

/** Writes the figures, and then the documents that show them. */
async function write(results: Results): Promise<void> {
  await writeFile(new URL("results.json.new", RESULTS_FILE), `${JSON.stringify(results, null, 2)}\n`);
  await rename(new URL("results.json.new", RESULTS_FILE), RESULTS_FILE);
  await writeFigures();
}

await run(bench);
