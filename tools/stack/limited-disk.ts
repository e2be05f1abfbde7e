/** A tmpfs whose size can change while in use, for tests of a full disk. Only root can mount it. */
import { spawnSync } from "node:child_process";
import { mkdir, statfs } from "node:fs/promises";
import { guardFolder, releaseFolder } from "./guard.ts";

export class LimitedDisk implements AsyncDisposable {
  readonly #folder: string;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  /** @returns undefined if this process may not mount. */
  static async mount(folder: string): Promise<LimitedDisk | undefined> {
    guardFolder(folder);
    await mkdir(folder, { recursive: true });
    return run("mount", "-t", "tmpfs", "-o", `size=${ROOMY}`, "waybill", folder)
      ? new LimitedDisk(folder)
      : undefined;
  }

  /** To its contents, so that writes fail. */
  async fill(): Promise<void> {
    // A concurrent write makes the size too small; the next attempt leaves slack.
    for (let attempt = 0; attempt < FILL_ATTEMPTS_MAX; attempt++) {
      const { blocks, bfree, bsize } = await statfs(this.#folder);
      if (this.#resize(String((blocks - bfree) * bsize + attempt * SLACK_BYTES))) return;
    }
    throw new Error(`${this.#folder} could not be filled`);
  }

  release(): void {
    if (!this.#resize(ROOMY)) throw new Error(`${this.#folder} could not be enlarged`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    unmount(this.#folder);
    releaseFolder(this.#folder);
  }

  #resize(size: string): boolean {
    return run("mount", "-o", `remount,size=${size}`, this.#folder);
  }
}

/** After a killed run. */
export function unmount(folder: string): void {
  run("umount", "-l", folder);
}

function run(command: string, ...args: string[]): boolean {
  return spawnSync(command, args, { stdio: "ignore" }).status === 0;
}

const ROOMY = "75%";
const FILL_ATTEMPTS_MAX = 20;
const SLACK_BYTES = 128 * 1024;
