/** `npm run publisher`. */
import { createReadStream } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { buffer } from "node:stream/consumers";
import {
  command,
  decimal,
  exits,
  integer,
  JSON_HELP,
  Option,
  run,
  webAddress,
} from "../../src/cli/command.ts";
import { Progress } from "../../src/cli/progress.ts";
import { SOURCE_NAMES } from "../../src/config/sources.ts";
import { InvalidInputError } from "../../src/contract/errors.ts";
import { domainOption } from "../domains/option.ts";
import { randomSeed, SEED_MAX } from "../domains/random.ts";
import { watchForStop } from "../stack/stopping.ts";
import { connectTo } from "./connect.ts";
import { type Load, makeLoad, readMix } from "./load.ts";
import { publish } from "./publish.ts";
import { describe, toJson } from "./report.ts";
import { traced } from "./traced.ts";

const publisher = command(
  "publisher",
  "Publishes valid and invalid messages, and verifies that they arrived.",
)
  .optionsGroup("What to publish:")
  .addOption(domainOption())
  .option("--count <number>", "number of messages to generate", integer(0, Number.MAX_SAFE_INTEGER), 1_000)
  .option("--garbage <fraction>", "fraction of invalid messages", decimal(0, 1), 0)
  .option("--duplicates <fraction>", "fraction of exact copies", decimal(0, 1), 0)
  .option("--conflicts <fraction>", "fraction of used ids with other content", decimal(0, 1), 0)
  .option(
    "--seed <number>",
    "generate the same messages as an earlier run, under new ids (default: random, printed)",
    integer(0, SEED_MAX),
  )
  .addOption(
    new Option("--file <path>", "publish the bytes of a file instead, as one message").conflicts([
      "dir",
      "stdin",
    ]),
  )
  .addOption(
    new Option("--dir <path>", "publish each file of a folder as one message").conflicts(["file", "stdin"]),
  )
  .addOption(new Option("--stdin", "publish standard input as one message").conflicts(["file", "dir"]))
  .option("--lines", "with --file, --dir or --stdin: publish each line as one message")
  .optionsGroup("How:")
  .addOption(
    new Option("--to <source>", "source to publish to").choices(SOURCE_NAMES).default("nats-streaming"),
  )
  .option("--rate <number>", "messages per second; 0 for no limit", integer(0, 1_000_000), 0)
  .option(
    "--verify <url>",
    "read the published messages back from the service and report missing ones",
    webAddress,
  )
  .option(
    "--patience <seconds>",
    "with --verify: stop when no missing message has appeared for this long",
    integer(0, 86_400),
    45,
  )
  .option("--json", JSON_HELP)
  .addHelpText(
    "after",
    `
Environment: the service's own variables for the source, with the domain's prefix if it has one (<DOMAIN>_KAFKA_TOPIC):
NATS_URL, STAN_CLUSTER_ID and STAN_CHANNEL; JETSTREAM_URL, JETSTREAM_STREAM and related; KAFKA_BROKERS, KAFKA_TOPIC and
related. --to http publishes to the address of --verify (default: http://127.0.0.1:3000), with INGRESS_TOKEN if the
service requires it. With OTEL_TRACES_EXPORTER and the other tracing variables, each message's trace starts here.
Exit status: 0 done; 1 messages were not published or are missing; 2 bad usage or configuration.`,
  )
  .action(
    exits(async ({ domain: kit, to: source, seed = randomSeed(), json, ...options }) => {
      const { count, rate, verify, patience } = options;
      const mix = readMix(options);
      const given = givenPayloads(options);
      const signal = watchForStop();
      using progress = new Progress({ json });
      await using transport = await traced(() => connectTo(kit, source, process.env, verify));
      const report = await publish({
        kit,
        transport,
        load: given ?? makeLoad(kit, kit.createFactory(seed), count, mix),
        count: given ? undefined : count,
        rate,
        verifyUrl: verify,
        patienceSeconds: patience,
        onProgress: (phase, step) => progress.show(phase, step),
        signal,
      });
      progress.end();
      process.stdout.write(
        json ? `${toJson(kit, report, seed)}\n` : describe(kit, report, given ? undefined : seed),
      );
      const { verification } = report;
      const isComplete =
        !verification || (verification.missing.length === 0 && verification.different.length === 0);
      return report.failed === 0 && isComplete && !signal.aborted ? 0 : 1;
    }),
  );

/** If an option names them. */
function givenPayloads({
  file,
  dir,
  stdin,
  lines = false,
}: {
  file?: string;
  dir?: string;
  stdin?: true;
  lines?: boolean;
}): AsyncGenerator<Load> | undefined {
  if (file !== undefined || dir !== undefined || stdin) return readPayloads(file, dir, lines);
  if (lines) throw new InvalidInputError("lines", "--lines needs --file, --dir or --stdin");
  return undefined;
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
        kind: "given",
        payload: path === undefined ? await buffer(process.stdin) : await readFile(path),
      };
      continue;
    }
    const input = path === undefined ? process.stdin : createReadStream(path);
    for await (const line of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) {
      yield { kind: "given", payload: Buffer.from(line) };
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

await run(publisher);
