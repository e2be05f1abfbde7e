/** A server of the stack as a child process: started, watched, ended or killed by its own pid. */
import type { SpawnOptions } from "node:child_process";
import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { spawnGuarded } from "./guard.ts";

export type Child = Readonly<{
  pid: number;
  /** Rejects with what it last said where the program ends by itself; never resolves while it runs. */
  ended: Promise<number | null>;
  /** Sends a signal and waits until the process is gone; kills it where it takes too long. */
  end: (signal: NodeJS.Signals) => Promise<void>;
  signal: (signal: NodeJS.Signals) => void;
  hasEnded: () => boolean;
}>;

/**
 * Starts a program; its output goes to a log file and, line by line, to `onLine`.
 * @throws with the last lines of the output where it cannot be started.
 */
export function startChild(
  command: string,
  args: readonly string[],
  options: Omit<SpawnOptions, "detached" | "stdio"> & { logFile: string; onLine?: (line: string) => void },
): Child {
  const { logFile, onLine, ...spawnOptions } = options;
  const child = spawnGuarded(command, args, spawnOptions);
  const log = createWriteStream(logFile, { flags: "a" });
  let rest = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on("data", (chunk: Buffer) => {
      log.write(chunk);
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
  // What it said last may come after its end, and from children of its own much later.
  child.once("close", () => log.end());
  const hasEnded = () => child.exitCode !== null || child.signalCode !== null || child.pid === undefined;
  return {
    pid: child.pid ?? 0,
    ended,
    signal: (signal) => void child.kill(signal),
    hasEnded,
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

/** Waits until `ready` gives true, asking again and again. @throws with `label` where that takes too long or the child ends. */
export async function waitUntilReady(
  child: Child,
  label: string,
  ready: () => Promise<boolean>,
): Promise<void> {
  const started = performance.now();
  while (!(await ready())) {
    if (child.hasEnded()) throw new Error(`${label} ended while it was starting`);
    if (performance.now() - started > START_TIMEOUT_MS)
      throw new Error(`${label} was not ready within ${START_TIMEOUT_MS / 1000} s`);
    await new Promise((resolve) => setTimeout(resolve, pollAfter(started)));
  }
}

/**
 * Milliseconds until a condition is to be asked again: a part of the time that it has taken so far, because asking costs
 * the processors what the others compute with.
 * @param started when it was asked first.
 */
export function pollAfter(started: number): number {
  const waited = performance.now() - started;
  return Math.min(Math.max(waited * POLL_SHARE, POLL_MS.least), POLL_MS.most);
}

/** Seconds are usual; a machine whose processors are all busy takes several times as long. */
const END_TIMEOUT_MS = 30_000;
const START_TIMEOUT_MS = 150_000;
const POLL_SHARE = 0.1;
const POLL_MS = { least: 5, most: 100 };
