/** Runs one test file in its own process. */
import type { ChildProcess } from "node:child_process";
import { join } from "node:path";
import { spawnGuarded } from "../../tools/stack/guard.ts";
import { ROOT } from "./files.ts";

export type FileResult = Readonly<{
  file: string;
  passed: number;
  failed: number;
  skipped: number;
  seconds: number;
}>;

export const running = new Map<ChildProcess, Readonly<{ file: string; begun: number }>>();

/** Without tests, with an error, or silent for too long, a file fails. */
export async function runFile(
  file: string,
  environment: Readonly<Record<string, string>>,
  silentSecondsMax: number,
): Promise<FileResult> {
  const begun = performance.now();
  const child = spawnGuarded(process.execPath, [join(ROOT, file)], {
    cwd: ROOT,
    env: { ...process.env, ...environment, FORCE_COLOR: "0" },
  });
  running.set(child, { file, begun });
  let output = "";
  let silentSeconds = 0;
  let killed: string | undefined;
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on("data", (chunk: Buffer) => {
      output += chunk.toString();
      silentSeconds = 0;
    });
  }
  const watch = setInterval(() => {
    silentSeconds += 1;
    // Done but running: the file left something open.
    const isOver = /^\s+Duration:/m.test(output);
    if (silentSeconds < (isOver ? END_SECONDS_MAX : silentSecondsMax) || killed !== undefined) return;
    killed = isOver
      ? `killed: it did not exit within ${END_SECONDS_MAX} s after its last test`
      : `killed: it printed nothing for ${silentSecondsMax} s`;
    child.kill("SIGKILL");
  }, 1_000);
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
  clearInterval(watch);
  running.delete(child);

  const numberAfter = (label: string) =>
    Number(new RegExp(`^\\s*${label}:\\s+(\\d+)`, "m").exec(output)?.[1] ?? 0);
  const [total, passed, skipped] = [numberAfter("Total"), numberAfter("Passed"), numberAfter("Skipped")];
  // uvu exits with 0 if a hook throws, but prints FAIL or counts that do not add up.
  const isGood = code === 0 && total + skipped > 0 && passed === total && !/^\s*FAIL\b/m.test(output);
  const failed = isGood ? 0 : Math.max(1, total - passed);
  const seconds = (performance.now() - begun) / 1000;
  process.stdout.write(
    `${isGood ? "ok  " : "FAIL"} ${file} ${isGood ? passed : `${passed} of ${total}`} (${seconds.toFixed(1)} s)\n`,
  );
  if (!isGood) {
    const end = killed ?? `ended with ${code === null ? "a signal" : `status ${code}`}`;
    process.stdout.write(`${output}\n(${end})\n`);
  }
  return { file, passed, failed, skipped, seconds };
}

/** Guards stop what the files started. */
export async function interruptAll(): Promise<void> {
  const ends = [...running.keys()].map((child) => new Promise((resolve) => child.once("close", resolve)));
  for (const child of running.keys()) child.kill("SIGINT");
  await Promise.all(ends);
}

/** With an open handle, a file never exits. */
const END_SECONDS_MAX = 60;
