/** A folder under `.data/` for one run, removed afterwards; if the run is killed, the next one removes it. */
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { isAlive } from "./build-once.ts";
import { guardFolder, releaseFolder } from "./guard.ts";
import { unmount } from "./limited-disk.ts";

export async function openDataFolder(name: string): Promise<AsyncDisposable & Readonly<{ path: string }>> {
  await removeLeftovers(name);
  const path = join(DATA_FOLDER, `${name}-${process.pid}`);
  guardFolder(path);
  return {
    path,
    [Symbol.asyncDispose]: async () => {
      await rm(path, { recursive: true, force: true });
      releaseFolder(path);
    },
  };
}

async function removeLeftovers(name: string): Promise<void> {
  const entries = await readdir(DATA_FOLDER).catch(() => [] as string[]);
  for (const entry of entries) {
    const pid = new RegExp(`^${name}-(\\d+)$`).exec(entry)?.[1];
    if (pid !== undefined && !isAlive(Number(pid))) {
      unmount(join(DATA_FOLDER, entry, DISK));
      await rm(join(DATA_FOLDER, entry), { recursive: true, force: true });
    }
  }
}

/** May be mounted as a separate disk. */
export const DISK = "disk";

const DATA_FOLDER = fileURLToPath(new URL("../../.data", import.meta.url));
