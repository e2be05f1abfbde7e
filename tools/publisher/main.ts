/** The command `npm run publisher`: puts messages into the channel, good and bad, and checks that they arrived. */
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

const publisher = command("publisher", "Publishes messages, good and bad, and checks that they arrived.")
  .optionsGroup("What to publish:")
  .addOption(domainOption())
  .option("--count <number>", "how many messages to make", integer(0, Number.MAX_SAFE_INTEGER), 1_000)
  .option("--garbage <fraction>", "of messages that the domain cannot read", decimal(0, 1), 0)
  .option("--duplicates <fraction>", "of exact copies", decimal(0, 1), 0)
  .option("--conflicts <fraction>", "of used ids with other content", decimal(0, 1), 0)
  .option(
    "--seed <number>",
    "make the same messages again, under new ids (default: random, printed)",
    integer(0, SEED_MAX),
  )
  .addOption(
    new Option("--file <path>", "publish the bytes of a file instead, as one message").conflicts([
      "dir",
      "stdin",
    ]),
  )
  .addOption(new Option("--dir <path>", "the same for each file of a folder").conflicts(["file", "stdin"]))
  .addOption(new Option("--stdin", "the same for standard input").conflicts(["file", "dir"]))
  .option("--lines", "with one of these three: one message for each line")
  .optionsGroup("How:")
  .addOption(new Option("--to <source>", "where to").choices(SOURCE_NAMES).default("nats-streaming"))
  .option("--rate <number>", "messages per second, 0 for as fast as it goes", integer(0, 1_000_000), 0)
  .option("--verify <url>", "ask the service for what was published and report what is missing", webAddress)
  .option(
    "--patience <seconds>",
    "with --verify: give up when nothing new could be read for so long",
    integer(0, 86_400),
    45,
  )
  .option("--json", JSON_HELP)
  .addHelpText(
    "after",
    `
Environment: NATS_URL, STAN_CLUSTER_ID and STAN_CHANNEL for nats-streaming; JETSTREAM_URL, JETSTREAM_STREAM and the rest
for jetstream, KAFKA_BROKERS, KAFKA_TOPIC and the rest for kafka, as for the service, the channels with the prefix of the
domain if it has one (<DOMAIN>_KAFKA_TOPIC). With --to http the service's address
is that of --verify, or http://127.0.0.1:3000; INGRESS_TOKEN if the service asks for it. OTEL_TRACES_EXPORTER and the
other variables of tracing as for the service: each message's trace then begins here.
Exit status: 0 done; 1 something was not published or is missing; 2 bad usage or configuration.`,
  )
  .action(
    exits(async ({ domain: kit, count, rate, seed = randomSeed(), to, verify, patience, json, ...what }) => {
      const mix = readMix(what);
      const given = givenPayloads(what);
      const signal = watchForStop();
      using progress = new Progress({ json });
      await using transport = await traced(() => connectTo(kit, to, process.env, verify));
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

/** Raw bytes from outside, one message each; undefined if messages are to be made. */
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
