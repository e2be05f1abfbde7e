/** A server as a child process. */
import type { SpawnOptions } from "node:child_process";
import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { spawnGuarded } from "./guard.ts";
import { startNotices } from "./notices.ts";

export type Child = Readonly<{
  pid: number;
  /** Null if a signal ended it or it could not start. */
  ended: Promise<number | null>;
  /** Sends SIGKILL after END_TIMEOUT_MS. */
  end: (signal: NodeJS.Signals) => Promise<void>;
  signal: (signal: NodeJS.Signals) => void;
  hasEnded: () => boolean;
  lastOutput: () => string;
}>;

/** Output goes to a log file and, by line, to `onLine`. */
export function startChild(
  command: string,
  args: readonly string[],
  options: Omit<SpawnOptions, "detached" | "stdio"> & { logFile: string; onLine?: (line: string) => void },
): Child {
  const { logFile, onLine, ...spawnOptions } = options;
  const child = spawnGuarded(command, args, spawnOptions);
  const log = createWriteStream(logFile, { flags: "a" });
  let [rest, last] = ["", ""];
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on("data", (chunk: Buffer) => {
      log.write(chunk);
      last = (last + chunk.toString()).slice(-LAST_OUTPUT_CHARACTERS);
      if (!onLine) return;
      const lines = (rest + chunk.toString()).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) onLine(line);
    });
  }
  const ended = new Promise<number | null>((resolve) => {
    child.once("error", () => resolve(null));
    child.once("exit", (code) => resolve(code));
  });
  // Output may arrive after the exit, from the program's own children.
  child.once("close", () => log.end());
  const hasEnded = () => child.exitCode !== null || child.signalCode !== null || child.pid === undefined;
  return {
    pid: child.pid ?? 0,
    ended,
    signal: (signal) => void child.kill(signal),
    hasEnded,
    lastOutput: () => last.trim(),
    end: async (signal) => {
      if (hasEnded()) return;
      const exited = once(child, "exit");
      child.kill(signal);
      const timer = setTimeout(() => child.kill("SIGKILL"), END_TIMEOUT_MS);
      await exited;
      clearTimeout(timer);
    },
  };
}

/** @throws naming `label` after START_TIMEOUT_MS, or if the child ends. */
export async function waitUntilReady(
  child: Child,
  label: string,
  ready: () => Promise<boolean>,
): Promise<void> {
  using _notices = startNotices(() => `waiting for ${label}`);
  const started = performance.now();
  while (!(await ready())) {
    if (child.hasEnded()) throw new Error(`${label} ended while it was starting: ${child.lastOutput()}`);
    if (performance.now() - started > START_TIMEOUT_MS)
      throw new Error(`${label} was not ready within ${START_TIMEOUT_MS / 1000} s`);
    await new Promise((resolve) => setTimeout(resolve, pollAfter(started)));
  }
}

/**
 * Milliseconds until the next poll: a tenth of the time waited, because polling takes processor time from the work.
 */
export function pollAfter(started: number): number {
  const waited = performance.now() - started;
  return Math.min(Math.max(waited * POLL_SHARE, POLL_MS.least), POLL_MS.most);
}

/** A busy machine takes several times the usual seconds. */
const END_TIMEOUT_MS = 30_000;
const START_TIMEOUT_MS = 600_000;
const LAST_OUTPUT_CHARACTERS = 2_000;
const POLL_SHARE = 0.1;
const POLL_MS = { least: 5, most: 100 };
