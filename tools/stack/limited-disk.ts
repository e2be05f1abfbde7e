/**
 * A file system of its own whose size can be changed while it is in use, so that it can be full. It is Linux's tmpfs,
 * which root may mount; whoever may not goes without.
 */
import { spawnSync } from "node:child_process";
import { mkdir, statfs } from "node:fs/promises";
import { guardFolder, releaseFolder } from "./guard.ts";

export class LimitedDisk implements AsyncDisposable {
  readonly #folder: string;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  /** @returns undefined where this machine does not let us. */
  static async mount(folder: string): Promise<LimitedDisk | undefined> {
    guardFolder(folder);
    await mkdir(folder, { recursive: true });
    return run("mount", "-t", "tmpfs", "-o", `size=${ROOMY}`, "waybill", folder)
      ? new LimitedDisk(folder)
      : undefined;
  }

  /** What is stored stays; nothing more can be. */
  async fill(): Promise<void> {
    // What is stored meanwhile makes the size too small, which is refused; then a little more is left.
    for (let attempt = 0; attempt < FILL_ATTEMPTS_MAX; attempt++) {
      const { blocks, bfree, bsize } = await statfs(this.#folder);
      if (this.#resize(String((blocks - bfree) * bsize + attempt * SLACK_BYTES))) return;
    }
    throw new Error(`${this.#folder} could not be made full`);
  }

  release(): void {
    if (!this.#resize(ROOMY)) throw new Error(`${this.#folder} could not be given room again`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    unmount(this.#folder);
    releaseFolder(this.#folder);
  }

  #resize(size: string): boolean {
    return run("mount", "-o", `remount,size=${size}`, this.#folder);
  }
}

/** Takes a disk away that a run which was killed has left; does nothing where there is none. */
export function unmount(folder: string): void {
  run("umount", "-l", folder);
}

function run(command: string, ...args: string[]): boolean {
  return spawnSync(command, args, { stdio: "ignore" }).status === 0;
}

const ROOMY = "75%";
const FILL_ATTEMPTS_MAX = 20;
const SLACK_BYTES = 128 * 1024;
