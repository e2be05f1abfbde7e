/** Redis without persistence, from PATH (Debian: `redis-server`). */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { type Child, startChild, waitUntilReady } from "./child.ts";
import { runs } from "./go-program.ts";
import { freePort, isOpen } from "./ports.ts";

/** @returns undefined if it is not installed. */
export function findRedis(): string | undefined {
  return ["redis-server", "/usr/bin/redis-server"].find((path) => runs(path, ["--version"]));
}

export class Redis implements AsyncDisposable {
  readonly url: string;
  readonly #program: string;
  readonly #folder: string;
  readonly #port: number;
  #child: Child | undefined;

  private constructor(program: string, folder: string, port: number) {
    this.#program = program;
    this.#folder = folder;
    this.#port = port;
    this.url = `redis://127.0.0.1:${port}`;
  }

  static async create(program: string, folder: string): Promise<Redis> {
    await mkdir(folder, { recursive: true });
    const server = new Redis(program, folder, await freePort());
    await server.start();
    return server;
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  /** Uses the same port, with an empty store. */
  async start(): Promise<void> {
    const logFile = join(this.#folder, "redis.log");
    const settings = {
      bind: "127.0.0.1",
      port: String(this.#port),
      dir: this.#folder,
      save: "",
      appendonly: "no",
      maxmemory: MEMORY_MAX,
      "maxmemory-policy": "allkeys-lru",
    };
    const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]);
    const child = startChild(this.#program, args, { logFile });
    this.#child = child;
    try {
      await waitUntilReady(child, `Redis (see ${logFile})`, () => isOpen(this.#port));
    } catch (error) {
      await this.stop("SIGKILL");
      throw error;
    }
  }

  /** @param signal `SIGKILL` is a crash. */
  async stop(signal: "SIGTERM" | "SIGKILL" = "SIGTERM"): Promise<void> {
    await this.#child?.end(signal);
  }

  /** `SIGSTOP`: a hanging machine with open connections. */
  signal(signal: "SIGSTOP" | "SIGCONT"): void {
    this.#child?.signal(signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

/** Ample; a full cache evicts the least recently used keys. */
const MEMORY_MAX = "64mb";
