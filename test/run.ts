/**
 * The command `npm test`: starts one PostgreSQL and one broker for all, runs every test file in a process of its own,
 * and closes with one line that counts. A file that runs no test, or that ends in any way but a good one, has failed.
 */
import type { ChildProcess } from "node:child_process";
import { glob, mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { install } from "../src/cli/install.ts";
import { DOMAINS } from "../src/domains/index.ts";
import { guardFolder, spawnGuarded } from "../tools/stack/guard.ts";
import { findJaeger } from "../tools/stack/jaeger.ts";
import { findNatsServer } from "../tools/stack/jetstream.ts";
import { findProgram as findKafka } from "../tools/stack/kafka.ts";
import { findBroker, NatsStreaming } from "../tools/stack/nats-streaming.ts";
import { Postgres } from "../tools/stack/postgres.ts";
import { watchForStop } from "../tools/stack/stopping.ts";
import { findToxiproxy } from "../tools/torture/proxy.ts";

type FileResult = { file: string; passed: number; failed: number; skipped: number; seconds: number };

const ROOT = fileURLToPath(new URL("..", import.meta.url));

async function main(): Promise<number> {
  // Tests kill their brokers and change their logs: none that runs already.
  delete process.env.KAFKA_BROKERS;
  const patterns = process.argv.slice(2);
  const found: string[] = [];
  for await (const file of glob("test/**/*.test.ts", { cwd: ROOT })) found.push(file);
  const files = found.filter(
    (file) => patterns.length === 0 || patterns.some((pattern) => file.includes(pattern)),
  );
  if (files.length === 0) {
    process.stderr.write(`no test file matches ${patterns.join(" ")}\n`);
    return 2;
  }
  await using started = new AsyncDisposableStack();
  watchForStop().addEventListener("abort", async () => {
    await Promise.all([...running].map(interrupt));
    await started.disposeAsync();
    process.exit(130);
  });

  // What some of them need is built or fetched while nothing else wants the processors.
  if (patterns.length === 0) {
    await findKafka(say);
    await findNatsServer(say);
    await findToxiproxy(say);
    await findJaeger(say);
  }
  const environment = await startServers(started);
  const results: FileResult[] = [];
  const queue = files.sort(longestFirst).values();
  const runNext = async () => {
    for (const file of queue) results.push(await runFile(file, environment));
  };
  await Promise.all(Array.from({ length: FILES_AT_ONCE }, runNext));

  const sum = (of: (result: FileResult) => number) =>
    results.reduce((total, result) => total + of(result), 0);
  const failed = sum((result) => result.failed);
  const skipped = sum((result) => result.skipped);
  process.stdout.write(
    `${sum((result) => result.passed)} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}\n`,
  );
  return failed > 0 ? 1 : 0;
}

/** The torture takes minutes; begun last, it would run beside nothing. */
function longestFirst(one: string, other: string): number {
  const isLong = (file: string) => Number(file.includes("torture"));
  return isLong(other) - isLong(one) || one.localeCompare(other);
}

function say(text: string): void {
  process.stderr.write(`test: ${text}\n`);
}

async function startServers(started: AsyncDisposableStack): Promise<Record<string, string>> {
  const folder = join(ROOT, ".data", `test-${process.pid}`);
  guardFolder(folder);
  await mkdir(folder, { recursive: true });
  started.defer(() => rm(folder, { recursive: true, force: true, maxRetries: 3 }));
  say("starting PostgreSQL");
  const postgres = await Postgres.create(join(folder, "postgres"), ["max_connections=200"]);
  started.defer(() => postgres.stop());
  await postgres.createDatabase(TEMPLATE);
  await install(postgres.ownerUrl(TEMPLATE), postgres.serviceUrl(TEMPLATE), DOMAINS);
  const program = await findBroker(say);
  if (!program) throw new Error("the tests need a NATS Streaming server; see README, Needs");
  say("starting NATS Streaming");
  const broker = await NatsStreaming.create(program, join(folder, "nats-streaming"));
  started.defer(() => broker.stop());
  return {
    WAYBILL_TEST_ADMIN_URL: postgres.adminUrl(),
    WAYBILL_TEST_OWNER_URL: postgres.ownerUrl(TEMPLATE),
    WAYBILL_TEST_SERVICE_URL: postgres.serviceUrl(TEMPLATE),
    WAYBILL_TEST_TEMPLATE: TEMPLATE,
    WAYBILL_TEST_NATS_URL: broker.url,
    WAYBILL_TEST_FOLDER: folder,
  };
}

async function runFile(file: string, environment: Record<string, string>): Promise<FileResult> {
  const begun = performance.now();
  const child = spawnGuarded(process.execPath, [join(ROOT, file)], {
    cwd: ROOT,
    env: { ...process.env, ...environment, FORCE_COLOR: "0" },
  });
  running.add(child);
  let output = "";
  let lingering: NodeJS.Timeout | undefined;
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on("data", (chunk: Buffer) => {
      output += chunk.toString();
      // Its tests are over; a file that then does not end has left something open, which is a failure too.
      if (/^\s+Duration:/m.test(output))
        lingering ??= setTimeout(() => child.kill("SIGKILL"), END_TIMEOUT_MS);
    });
  }
  const timer = setTimeout(() => child.kill("SIGKILL"), FILE_TIMEOUT_MS);
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
  clearTimeout(timer);
  running.delete(child);
  clearTimeout(lingering);

  const numberAfter = (label: string) => Number(new RegExp(`${label}:\\s+(\\d+)`).exec(output)?.[1] ?? 0);
  const [total, passed, skipped] = [numberAfter("Total"), numberAfter("Passed"), numberAfter("Skipped")];
  // uvu ends with status 0 where a hook throws; what it counted then does not add up, or it says FAIL.
  const isGood = code === 0 && total + skipped > 0 && passed === total && !/^\s*FAIL\b/m.test(output);
  const failed = isGood ? 0 : Math.max(1, total - passed);
  const seconds = (performance.now() - begun) / 1000;
  process.stdout.write(
    `${isGood ? "ok  " : "FAIL"} ${file} ${isGood ? passed : `${passed} of ${total}`} (${seconds.toFixed(1)} s)\n`,
  );
  if (!isGood)
    process.stdout.write(`${output}\n(ended with ${code === null ? "a signal" : `status ${code}`})\n`);
  return { file, passed, failed, skipped, seconds };
}

/** The test files that run. */
const running = new Set<ChildProcess>();

/** Ends a test file; what it started is ended by its guard. */
async function interrupt(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGINT");
  await ended;
}

const TEMPLATE = "waybill_template";

/** Two processors: more at a time would only make each slower. */
const FILES_AT_ONCE = 2;
const END_TIMEOUT_MS = 10_000;
const FILE_TIMEOUT_MS = 540_000;

process.exitCode = await main().catch((error: unknown) => {
  process.stdout.write(`${error instanceof Error ? error.message : String(error)}\n0 passed, 1 failed\n`);
  return 1;
});
