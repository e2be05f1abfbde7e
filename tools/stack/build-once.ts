/**
 * Builds or fetches a program once. If several processes want the same one at the same time, the first builds it and the
 * others wait. While it takes, all of them say that it does.
 */
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { guardFolder, releaseFolder } from "./guard.ts";

export type Building = Readonly<{
  /** What is done and about how long it takes, such as "building X with Go, once (about a minute)". */
  what: string;
  /** The file or folder that is there afterwards. */
  target: string;
  isThere: () => boolean;
  build: () => Promise<boolean>;
}>;

/** @returns whether it is there. */
export async function buildOnce(
  { what, target, isThere, build }: Building,
  say: (text: string) => void,
): Promise<boolean> {
  const lock = `${target}.lock`;
  const started = performance.now();
  const seconds = () => Math.round((performance.now() - started) / 1000);
  say(what);
  const progress = setInterval(() => say(`still ${what} (${seconds()} s so far)`), PROGRESS_MS);
  try {
    await mkdir(dirname(lock), { recursive: true });
    for (;;) {
      if (isThere()) return true;
      if (await take(lock)) break;
      await new Promise((resolve) => setTimeout(resolve, LOCK_POLL_MS));
    }
    try {
      return isThere() || (await build());
    } finally {
      await rm(lock, { force: true });
      releaseFolder(lock);
    }
  } finally {
    clearInterval(progress);
  }
}

/** A lock whose process has ended was left by a machine that was switched off. */
async function take(lock: string): Promise<boolean> {
  try {
    await writeFile(lock, String(process.pid), { flag: "wx" });
    guardFolder(lock);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    const holder = Number(await readFile(lock, "utf8").catch(() => ""));
    if (holder > 0 && !isAlive(holder)) await rm(lock, { force: true });
    return false;
  }
}

/** Whether there is a process of this id. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

const PROGRESS_MS = 5_000;
const LOCK_POLL_MS = 200;
