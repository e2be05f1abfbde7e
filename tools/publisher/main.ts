/** The command `npm run publisher`: puts messages into the channel, good and bad, and checks that they arrived. */
import { createReadStream } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { buffer } from "node:stream/consumers";
import { parseArgs } from "node:util";
import { exitWith } from "../../src/cli/process.ts";
import { ConfigError } from "../../src/config/read.ts";
import { SOURCE_NAMES } from "../../src/config/sources.ts";
import { watchForStop } from "../stack/stopping.ts";
import { connectTo } from "./connect.ts";
import { type Load, makeLoad } from "./load.ts";
import { OrderFactory } from "./orders.ts";
import { showProgress } from "./progress.ts";
import { publish } from "./publish.ts";
import { describe } from "./report.ts";
import { traced } from "./traced.ts";
import type { Transport } from "./transport.ts";

const OPTIONS = {
  count: { type: "string", default: "1000" },
  rate: { type: "string", default: "0" },
  garbage: { type: "string", default: "0" },
  duplicates: { type: "string", default: "0" },
  conflicts: { type: "string", default: "0" },
  seed: { type: "string" },
  file: { type: "string" },
  dir: { type: "string" },
  stdin: { type: "boolean", default: false },
  lines: { type: "boolean", default: false },
  to: { type: "string", default: "nats-streaming" },
  verify: { type: "string" },
  patience: { type: "string", default: "45" },
  json: { type: "boolean", default: false },
  help: { type: "boolean", short: "h", default: false },
} as const;

const USAGE = `Usage: npm run publisher -- [options]

What to publish:
  --count N          how many messages to make (default 1000)
  --garbage P        fraction that is no order (default 0)
  --duplicates P     fraction that repeats an order exactly (default 0)
  --conflicts P      fraction that repeats an id with other content (default 0)
  --seed N           makes the same messages again, under new ids (default: random, printed)
  --file PATH        publish the bytes of a file instead, as one message
  --dir PATH         the same for each file of a folder
  --stdin            the same for standard input
  --lines            with one of these three: one message for each line

How:
  --to WHERE         nats-streaming (default), jetstream, kafka or http
  --rate N           messages per second, 0 for as fast as it goes (default 0)
  --verify URL       ask the service for each published order and report what is missing
  --patience N       with --verify: give up N seconds after the last order turned up (default 45)
  --json             print the report as JSON

Environment: NATS_URL, STAN_CLUSTER_ID and STAN_CHANNEL for nats-streaming; JETSTREAM_URL, JETSTREAM_STREAM and the rest
for jetstream, KAFKA_BROKERS, KAFKA_TOPIC and the rest for kafka, as for the service. With --to http the service's address
is that of --verify, or http://127.0.0.1:3000; INGRESS_TOKEN where the service asks for it. OTEL_TRACES_EXPORTER and the
other variables of tracing as for the service: each message's trace then begins here.
Exit status: 0 done; 1 something was not published or is missing; 2 bad usage.`;

class UsageError extends Error {}

async function main(): Promise<number> {
  const values = readOptions();
  if (values.help) {
    process.stdout.write(`${USAGE}\n`);
    return 0;
  }
  const count = wholeNumber("count", values.count);
  const mix = {
    garbage: fraction("garbage", values.garbage),
    duplicates: fraction("duplicates", values.duplicates),
    conflicts: fraction("conflicts", values.conflicts),
  };
  if (mix.garbage + mix.duplicates + mix.conflicts > 1)
    throw new UsageError("the fractions add up to more than 1");
  const rate = wholeNumber("rate", values.rate);
  const seed =
    values.seed === undefined ? Math.floor(Math.random() * 2 ** 31) : wholeNumber("seed", values.seed);
  const verifyUrl = values.verify === undefined ? undefined : webAddress(values.verify);
  const given = givenPayloads(values.file, values.dir, values.stdin, values.lines);

  const stopping = watchForStop();
  const progress = showProgress(given ? 0 : count, values.json);
  await using transport = await traced(() => connect(values.to, verifyUrl));
  const report = await publish({
    transport,
    load: given ?? makeLoad(new OrderFactory(seed), count, mix),
    rate,
    verifyUrl,
    patienceSeconds: wholeNumber("patience", values.patience),
    onProgress: progress.update,
    signal: stopping,
  });
  progress.stop();
  process.stdout.write(
    values.json ? `${JSON.stringify({ seed, ...report })}\n` : describe(report, given ? undefined : seed),
  );
  const { verification } = report;
  const isComplete =
    !verification || (verification.missing.length === 0 && verification.different.length === 0);
  return report.failed === 0 && isComplete && !stopping.aborted ? 0 : 1;
}

function readOptions() {
  try {
    return parseArgs({ options: OPTIONS }).values;
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

async function connect(to: string, verifyUrl: string | undefined): Promise<Transport> {
  const source = SOURCE_NAMES.find((name) => name === to);
  if (!source) throw new UsageError(`--to must be one of ${SOURCE_NAMES.join(", ")} (was "${to}")`);
  return await connectTo(source, process.env, verifyUrl);
}

/** Raw bytes from outside, one message each; undefined where orders are to be made. */
function givenPayloads(
  file?: string,
  dir?: string,
  stdin?: boolean,
  lines?: boolean,
): AsyncGenerator<Load> | undefined {
  const chosen = [file, dir, stdin || undefined].filter((choice) => choice !== undefined);
  if (chosen.length > 1) throw new UsageError("choose one of --file, --dir and --stdin");
  if (chosen.length === 0) {
    if (lines) throw new UsageError("--lines goes with --file, --dir or --stdin");
    return undefined;
  }
  return readPayloads(file, dir, lines ?? false);
}

async function* readPayloads(
  file: string | undefined,
  dir: string | undefined,
  lines: boolean,
): AsyncGenerator<Load> {
  const paths = file !== undefined ? [file] : dir !== undefined ? await filesOf(dir) : [undefined];
  for (const path of paths) {
    if (!lines) {
      yield {
        kind: "garbage",
        payload: path === undefined ? await buffer(process.stdin) : await readFile(path),
      };
      continue;
    }
    const input = path === undefined ? process.stdin : createReadStream(path);
    for await (const line of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) {
      yield { kind: "garbage", payload: Buffer.from(line) };
    }
  }
}

async function filesOf(dir: string): Promise<string[]> {
  const entries = await readdir(dir, { withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(dir, entry.name))
    .sort();
}

function wholeNumber(name: string, text: string): number {
  if (!/^\d{1,10}$/.test(text)) throw new UsageError(`--${name} must be a whole number (was "${text}")`);
  return Number(text);
}

function fraction(name: string, text: string): number {
  const value = /^(\d+|\d*\.\d+)$/.test(text) ? Number(text) : Number.NaN;
  if (!(value <= 1)) throw new UsageError(`--${name} must be a number from 0 to 1 (was "${text}")`);
  return value;
}

function webAddress(text: string): string {
  if (!URL.canParse(text) || !/^https?:$/.test(new URL(text).protocol)) {
    throw new UsageError(`--verify must be an address such as http://127.0.0.1:3000 (was "${text}")`);
  }
  return text.replace(/\/+$/, "");
}

try {
  process.exitCode = await main();
} catch (error) {
  const isUsage = error instanceof UsageError;
  if (error instanceof ConfigError) exitWith(error);
  process.stderr.write(`publisher: ${(error as Error).message}\n${isUsage ? `\n${USAGE}\n` : ""}`);
  process.exitCode = isUsage ? 2 : 1;
}
