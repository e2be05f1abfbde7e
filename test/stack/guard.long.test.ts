/** Processes end with the command or test that started them, even if it is killed. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { environment } from "../support/database.ts";
import { processes, type Running, stillRunning, treeOf } from "../support/processes.ts";
import { until } from "../support/wait.ts";

const guard = suite("guard");
const pidOf = (child: ChildProcess) => child.pid as number;

function start(command: string, args: string[]): { child: ChildProcess; output: () => string } {
  // Not a running Kafka.
  const child = spawn(command, args, { env: { ...process.env, KAFKA_BROKERS: "" } });
  let output = "";
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (chunk: Buffer) => {
      output += chunk.toString();
    });
  return { child, output: () => output };
}

/** @returns the tree, when it has all parts. */
async function grown(root: ChildProcess, output: () => string, parts: readonly RegExp[]): Promise<Running[]> {
  return await until(`${parts.join(", ")} run; so far: ${output()}`, () => {
    if (root.exitCode !== null) throw new Error(`it ended by itself: ${output()}`);
    const tree = treeOf(pidOf(root));
    return parts.every((part) => tree.some(({ args }) => part.test(args))) ? tree : undefined;
  });
}

async function nothingIsLeft(tree: readonly Running[], folder: string): Promise<void> {
  const left = () => [...stillRunning(tree), ...processes().filter(({ args }) => args.includes(folder))];
  await until(
    () => `nothing is left of it: ${JSON.stringify(left())}`,
    () => left().length === 0 && !existsSync(folder),
  );
  if (existsSync("/proc/mounts")) assert.not.match(readFileSync("/proc/mounts", "utf8"), folder);
}

guard("a killed process leaves no children, mounts or folders", async () => {
  const folder = join(environment("WAYBILL_TEST_FOLDER"), "short-lived");
  const { child, output } = start(process.execPath, ["test/support/short-lived-parent.ts", folder]);
  await until("it has started everything", () => output().includes("ready"));
  const tree = treeOf(pidOf(child));
  assert.ok(tree.length >= 6, JSON.stringify(tree));
  child.kill("SIGKILL");
  await nothingIsLeft(tree, folder);
});

guard("the runner of the tests, killed in the middle of a torture, leaves nothing", async () => {
  const { child, output } = start(process.execPath, ["test/run.ts", "test/torture.long.test.ts"]);
  const parts = [/postgres .*test-/, /nats-streaming/, /torture\/main/, /toxiproxy/, /src\/main\.ts/];
  const tree = await grown(child, output, parts);
  child.kill("SIGKILL");
  const torture = tree.find(({ args }) => args.includes("torture/main"))?.pid;
  await nothingIsLeft(tree, `.data/test-${pidOf(child)}/`);
  await nothingIsLeft(tree, `.data/torture-${torture}/`);
});

for (const [signal, target] of [
  ["SIGHUP", "demo"],
  ["SIGKILL", "demo"],
  ["SIGTERM", "npm"],
  ["SIGKILL", "npm"],
] as const) {
  guard(`the demo leaves nothing after ${signal} of ${target === "npm" ? "its npm" : "itself"}`, async () => {
    const { child, output } = start("npm", ["run", "demo", "--", "--orders", "100000", "--port", "0"]);
    const tree = await grown(child, output, [/postgres .*demo-/, /nats-streaming/, /src\/main\.ts/]);
    const demo = tree.find(({ args }) => /node.* tools\/stack\/demo\.ts/.test(args))?.pid as number;
    process.kill(target === "npm" ? pidOf(child) : demo, signal);
    await nothingIsLeft(tree, `.data/demo-${demo}/`);
  });
}

guard.run();
