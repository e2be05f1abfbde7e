/** Builds or fetches a program once; concurrent processes wait for the first and report progress. */
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { guardFolder, releaseFolder } from "./guard.ts";

export type Building = Readonly<{
  /** With the duration, such as "building X with Go, once (about a minute)". */
  what: string;
  /** The resulting file or folder. */
  target: string;
  isThere: () => boolean;
  build: () => Promise<boolean>;
}>;

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

/** The lock of a dead process is stale. */
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
