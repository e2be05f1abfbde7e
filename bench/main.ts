/** The command `npm run bench`: figures beside what the same machine could do in the same run. */
import { rename, writeFile } from "node:fs/promises";
import { cpus } from "node:os";
import { fileURLToPath } from "node:url";
import { Argument, command, decimal, exits, integer, Option, run } from "../src/cli/command.ts";
import { InvalidInputError } from "../src/contract/errors.ts";
import { BROKER_KINDS } from "../tools/stack/broker.ts";
import { type Stack, startStack } from "../tools/stack/stack.ts";
import { measureAudit } from "./audit.ts";
import { measureBrokers } from "./brokers.ts";
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
import { measureSettings } from "./settings.ts";
import { measureSlowDatabase } from "./slow.ts";
import { measureStages } from "./stages.ts";
import { measureWallet } from "./wallet.ts";
import { measureAnswers } from "./wallet-answers.ts";

const say = (text: string) => process.stderr.write(`${text}\n`);

type Options = Readonly<{ orders: number; rows: number; minutes: number; nodeOptions: readonly string[] }>;
type Part = Readonly<{
  shows: string;
  measure: (stack: Stack, options: Options) => Promise<readonly Measurement[]>;
}>;

/** What is measured without a name. */
const MAIN_PARTS: Readonly<Record<string, Part>> = {
  drain: {
    shows: "--orders that wait in the broker until all are readable, beside COPY",
    measure: (stack, { orders, nodeOptions }) => measureDrain(stack, orders, say, nodeOptions),
  },
  stages: {
    shows: "append, projection and rebuild, each alone",
    measure: (stack, { orders }) => measureStages(stack, orders, say),
  },
  latency: {
    shows: "publish to readable at 100, 1,000 and 5,000 a second",
    measure: (stack) => measureLatency(stack, say),
  },
  reads: {
    shows: "GET /orders/:id: hit, 304, miss, 404, beside a bare node:http (needs wrk)",
    measure: (stack) => measureReads(stack, say),
  },
  restart: {
    shows: "a start with --rows orders: ready, warm, memory",
    measure: (stack, { rows }) => measureRestart(stack, rows, say),
  },
  growth: {
    shows: "the drain with 0, 1 and 5 million rows in the inbox",
    measure: (stack, { orders }) => measureGrowth(stack, orders / 2, say),
  },
  deadletters: {
    shows: "pages of dead letters by every filter, among --rows of them",
    measure: async (stack, { rows }) => [await measureDeadLetters(stack, rows, say)],
  },
  overhead: {
    shows: "of metrics, logs and traces, on drain and reads (needs wrk)",
    measure: (stack) => measureOverhead(stack, say),
  },
};

/** What is measured only by its name. */
const MORE_PARTS: Readonly<Record<string, Part>> = {
  brokers: {
    shows: "the drain from NATS Streaming, JetStream and Kafka, side by side",
    measure: (stack, { orders }) => measureBrokers(stack, orders, say),
  },
  audit: {
    shows: "of --rows orders, and of 60,000 that came since",
    measure: (stack, { rows }) => measureAudit(stack, rows, say),
  },
  rebuild: {
    shows: "waybill rebuild of --rows orders while the service answers reads",
    measure: async (stack, { rows }) => [await measureRebuild(stack, rows, say)],
  },
  outage: {
    shows: "the database away for --minutes with the broker at full speed: memory, and the drain after",
    measure: (stack, { minutes }) => measureOutage(stack, minutes, say),
  },
  outbox: {
    shows: "--orders events from a filled outbox to Kafka, and what events cost the projection",
    measure: (stack, { orders }) => measureOutbox(stack, orders, say),
  },
  settings: {
    shows: "of PostgreSQL, each beside its defaults: the drain",
    measure: (stack, { orders }) => measureSettings(stack, orders, say),
  },
  wallet: {
    shows: "--orders commands of the wallet, on many accounts and on one, beside a row lock for each",
    measure: (stack, { orders }) => measureWallet(stack, orders, say),
  },
  answers: {
    shows: "the wallet over HTTP at 100 and 2,000 commands a second for --minutes, one process and two",
    measure: (stack, { minutes }) => measureAnswers(stack, minutes * 60, say),
  },
  marketplace: {
    shows: "calls of the marketplace for --minutes each: orders, reads, the list of a cart warm and cold",
    measure: (_stack, { minutes }) => measureMarketplace(minutes * 60, say),
  },
  slow: {
    shows: "a database that answers late: rate, append time, redeliveries, timers and memory",
    measure: (stack) => measureSlowDatabase(stack, say),
  },
};

const PARTS = { ...MAIN_PARTS, ...MORE_PARTS };

const bench = command("bench", "Measures figures beside what the same machine could do in the same run.")
  .addArgument(
    new Argument("[name]", "one part; without it, the whole first list").choices(Object.keys(PARTS)),
  )
  .option("--orders <number>", "how many orders", integer(10_000, 1_000_000_000), 200_000)
  .option("--rows <number>", "how many rows are there before", integer(10_000, 1_000_000_000), 1_000_000)
  .option("--minutes <number>", "how long an outage lasts", decimal(0.01, 10_000), 1)
  .addOption(
    new Option("--source <kind>", "with a name: through which broker")
      .choices(BROKER_KINDS)
      .default("nats-streaming"),
  )
  .option("--cpu-prof <folder>", "write processor profiles of the service while it drains")
  .option("--json", "print every single figure")
  .addHelpText(
    "after",
    `
Parts of a run without a name, which writes bench/results.json and bench/RESULTS.md:
${listed(MAIN_PARTS)}

Parts by their name alone:
${listed(MORE_PARTS)}`,
  )
  .action(
    exits(async (name, { orders, rows, minutes, source, cpuProf, json }) => {
      if (name === undefined && source !== "nats-streaming") {
        throw new InvalidInputError("source", "--source needs the name of a part");
      }
      const nodeOptions = cpuProf === undefined ? [] : ["--cpu-prof", `--cpu-prof-dir=${cpuProf}`];
      const begun = performance.now();
      const results: Measurement[] = [];
      for (const [one, { measure }] of Object.entries(
        name === undefined ? MAIN_PARTS : { [name]: PARTS[name] as Part },
      )) {
        await using stack = await startStack("bench", () => {}, { source });
        say(`${one}: begins after ${Math.round((performance.now() - begun) / 1000)} s`);
        results.push(...(await measure(stack, { orders, rows, minutes, nodeOptions })));
      }
      const documents = results.map(documentOf);
      process.stdout.write(json ? `${JSON.stringify(documents)}\n` : tableOf(results));
      if (name === undefined) await keep(results, (performance.now() - begun) / 1000);
      return 0;
    }),
  );

function listed(parts: Readonly<Record<string, Part>>): string {
  return Object.entries(parts)
    .map(([name, { shows }]) => `  ${name.padEnd(13)}${shows}`)
    .join("\n");
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

await run(bench);
