/**
 * `npm test`, `npm run test:long`, `npm run test:all`: one PostgreSQL, a few processes for all files, one line with the counts.
 */
import { mkdir, rm } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { command, decimal, exits, run } from "../src/cli/command.ts";
import { install } from "../src/cli/install.ts";
import { InvalidInputError } from "../src/contract/errors.ts";
import { DOMAINS } from "../src/domains/index.ts";
import { guardFolder } from "../tools/stack/guard.ts";
import { Postgres } from "../tools/stack/postgres.ts";
import { watchForStop } from "../tools/stack/stopping.ts";
import { Coverage, type Covered } from "./runner/coverage.ts";
import { chooseFiles, GROUPS, isLong, ROOT, recordDurations } from "./runner/files.ts";
import { Needs } from "./runner/needs.ts";
import { type FileResult, interruptAll, running, TestProcess } from "./runner/test-process.ts";

/** Files print each test, long wait and fault. */
const SILENT_SECONDS_MAX = 300;

const test = command("test", "Runs the quick test files, or those whose path contains one of the names.")
  .argument("[names...]", "files of either kind whose path contains one of them")
  .option("--long", "run the long files instead, like npm run test:long")
  .option("--all", "run both kinds, like npm run test:all")
  .option("--record", "store the durations in test/durations.json, for the order of the next run")
  .option(
    "--silence <seconds>",
    "kill a file that prints nothing for this long",
    decimal(1, 86_400),
    SILENT_SECONDS_MAX,
  )
  .addHelpText(
    "after",
    `
The name ${Object.keys(GROUPS).join(", ")} alone runs all tests of that group and prints the line coverage.
The last line counts passed, failed and skipped tests. Exit status: 0 none failed; 1 a test failed; 2 bad usage.`,
  )
  .action(
    exits(async (names, { all, long, record, silence }) => {
      const files = await chooseFiles({ kind: all ? "all" : long ? "long" : "quick", names });
      if (files.length === 0) throw new InvalidInputError("names", `no test file matches ${names.join(" ")}`);
      const covered = names.length === 1 ? GROUPS[names[0] as string] : undefined;
      return await runFiles(files, silence, record === true, covered);
    }),
  );

async function runFiles(
  files: readonly string[],
  silence: number,
  isRecorded: boolean,
  covered: Covered | undefined,
): Promise<number> {
  // Tests kill brokers, so not a running one.
  delete process.env.KAFKA_BROKERS;

  const results: FileResult[] = [];
  let problem: string | undefined;
  const started = new AsyncDisposableStack();
  watchForStop().addEventListener("abort", async () => {
    await interruptAll();
    await started.disposeAsync();
    process.exit(130);
  });
  const progress = setInterval(() => tellProgress(results.length, files.length), PROGRESS_MS);
  try {
    problem = await runAll(files, silence, started, results, covered);
  } catch (error) {
    problem = error instanceof Error ? error.message : String(error);
    await interruptAll();
  }
  clearInterval(progress);
  await started.disposeAsync().catch((error: unknown) => {
    problem ??= `a server could not be stopped: ${error}`;
  });
  if (isRecorded) await recordDurations(results);
  return report(results, problem);
}

/**
 * Workers take the slowest file whose needs are ready.
 * @returns a problem beside failed tests.
 */
async function runAll(
  files: readonly string[],
  silence: number,
  started: AsyncDisposableStack,
  results: FileResult[],
  covered: Covered | undefined,
): Promise<string | undefined> {
  const folder = join(ROOT, ".data", `test-${process.pid}`);
  guardFolder(folder);
  await mkdir(folder, { recursive: true });
  started.defer(() => rm(folder, { recursive: true, force: true, maxRetries: 3 }));
  const needs = await Needs.begin(files, folder, started, say);
  const coverage = covered && new Coverage(covered, folder);
  const common = {
    ...(await startPostgres(folder, started)),
    WAYBILL_TEST_FOLDER: folder,
    // Hundreds of processes share compiled code.
    NODE_COMPILE_CACHE: join(ROOT, ".data", "compiled"),
    ...coverage?.environment,
  };
  const waiting = [...files];
  const problems: (string | undefined)[] = [];
  const work = async () => {
    let shared: TestProcess | undefined;
    while (waiting.length > 0) {
      const index = waiting.findIndex((file) => needs.areReady(file));
      if (index === -1) {
        await needs.oneMore();
        continue;
      }
      const [file] = waiting.splice(index, 1) as [string];
      const environment = await needs.environmentFor(file);
      shared = shared?.isEnding === false ? shared : new TestProcess(common, silence);
      results.push(await shared.run(file, environment));
      // A long file gains nothing from loaded modules.
      if (isLong(file) && !shared.isEnding) problems.push(await shared.end());
    }
    if (shared?.isEnding === false) problems.push(await shared.end());
  };
  const atOnce = files.every(isLong) ? LONG_FILES_AT_ONCE : FILES_AT_ONCE;
  await Promise.all(Array.from({ length: atOnce }, work));
  problems.push(await coverage?.report());
  return problems.filter((problem) => problem !== undefined).join("\n") || undefined;
}

async function startPostgres(
  folder: string,
  started: AsyncDisposableStack,
): Promise<Readonly<Record<string, string>>> {
  say("starting PostgreSQL");
  const postgres = await Postgres.create(join(folder, "postgres"), POSTGRES_SETTINGS);
  started.defer(() => postgres.stop());
  await postgres.createDatabase(TEMPLATE);
  await install(postgres.ownerUrl(TEMPLATE), postgres.serviceUrl(TEMPLATE), DOMAINS);
  return {
    WAYBILL_TEST_ADMIN_URL: postgres.adminUrl(),
    WAYBILL_TEST_OWNER_URL: postgres.ownerUrl(TEMPLATE),
    WAYBILL_TEST_SERVICE_URL: postgres.serviceUrl(TEMPLATE),
    WAYBILL_TEST_TEMPLATE: TEMPLATE,
  };
}

function report(results: readonly FileResult[], problem: string | undefined): number {
  const sum = (count: (result: FileResult) => number) =>
    results.reduce((total, result) => total + count(result), 0);
  const failed = sum((result) => result.failed) + (problem === undefined ? 0 : 1);
  const skipped = sum((result) => result.skipped);
  if (results.length > SLOWEST) {
    const slowest = results.toSorted((one, other) => other.seconds - one.seconds).slice(0, SLOWEST);
    const texts = slowest.map(({ file, seconds }) => `${file} ${seconds.toFixed(0)} s`);
    process.stdout.write(`slowest: ${texts.join(", ")}; all in ${process.uptime().toFixed(0)} s\n`);
  }
  if (problem !== undefined) process.stdout.write(`${problem}\n`);
  process.stdout.write(
    `${sum((result) => result.passed)} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}\n`,
  );
  return failed > 0 ? 1 : 0;
}

function tellProgress(done: number, all: number): void {
  const now = performance.now();
  const texts = [...running.values()].map(
    ({ file, begun }) => `${file} (${Math.round((now - begun) / 1000)} s)`,
  );
  say(`${done} of ${all} files done; running: ${texts.join(", ") || "none"}`);
}

function say(text: string): void {
  process.stderr.write(`test: ${text}\n`);
}

const TEMPLATE = "waybill_template";
/**
 * Tests of durability start their own server. Slow password hashing would cost milliseconds in each of thousands of
 * connections, and autovacuum would visit each of the hundreds of databases every minute.
 */
const POSTGRES_SETTINGS = ["max_connections=200", "fsync=off", "scram_iterations=1", "autovacuum=off"];

/** Files wait for servers more than half of the time: with three at once a processor in four stood idle. */
const FILES_AT_ONCE = Math.max(3, Math.min(6, availableParallelism() + 2));
/** Each starts services, databases and brokers of its own, and keeps a processor busy. */
const LONG_FILES_AT_ONCE = Math.max(2, Math.min(4, availableParallelism()));
const PROGRESS_MS = 30_000;
const SLOWEST = 5;

await run(test);
