/**
 * NATS with JetStream, from NATS_SERVER (a path), PATH (Debian: `nats-server`), `.tools/bin`, `go install`, or the
 * Docker image `nats`.
 */
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Broker } from "./broker.ts";
import { type Child, startChild, waitUntilReady } from "./child.ts";
import { findGoProgram, runs } from "./go-program.ts";
import { accepts, PAYLOAD_BYTES_MAX } from "./nats-streaming.ts";
import { freePort } from "./ports.ts";

export class JetStream implements Broker {
  readonly kind = "jetstream";
  readonly #path: string | undefined;
  readonly #folder: string;
  readonly #port: number;
  readonly #settings: string;
  #child: Child | undefined;

  private constructor(path: string | undefined, folder: string, port: number, settings: string) {
    this.#path = path;
    this.#folder = folder;
    this.#port = port;
    this.#settings = settings;
  }

  /**
   * @param settings additional configuration lines.
   * @returns undefined if the program is not available.
   */
  static async find(
    folder: string,
    say: (text: string) => void,
    settings = "",
  ): Promise<JetStream | undefined> {
    const path = await findNatsServer(say);
    if (!path && !runs("docker", ["info"])) return undefined;
    say(`starting NATS with JetStream (${path ?? "Docker image"})`);
    const server = new JetStream(path, folder, await freePort(), settings);
    await server.wipe();
    await server.start();
    return server;
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  get address(): string {
    return `127.0.0.1:${this.#port}`;
  }

  environment(address = this.address): Record<string, string> {
    return { JETSTREAM_URL: `nats://${address}`, JETSTREAM_CREATE_STREAM: "true" };
  }

  async start(): Promise<void> {
    const logFile = join(this.#folder, "nats-server.log");
    const [command, args] = this.#commandLine();
    const child = startChild(command, args, { logFile });
    this.#child = child;
    await waitUntilReady(child, `NATS (see ${logFile})`, () => accepts(this.#port));
  }

  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
    await this.#child?.end(signal);
  }

  async wipe(): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true });
    await mkdir(this.#folder, { recursive: true });
    const store = this.#path ? join(this.#folder, "store") : "/data/store";
    await writeFile(
      join(this.#folder, "nats.conf"),
      `max_payload: ${PAYLOAD_BYTES_MAX}\njetstream { store_dir: ${JSON.stringify(store)} }\n${this.#settings}\n`,
    );
  }

  #commandLine(): [string, string[]] {
    if (this.#path) {
      return [
        this.#path,
        ["-c", join(this.#folder, "nats.conf"), "-a", "127.0.0.1", "-p", String(this.#port)],
      ];
    }
    const mounts = ["-v", `${this.#folder}:/data`, "-p", `127.0.0.1:${this.#port}:4222`];
    return ["docker", ["run", "--rm", ...mounts, `nats:${VERSION.slice(1)}`, "-c", "/data/nats.conf"]];
  }
}

/** @returns undefined if it is not available. */
export function findNatsServer(say: (text: string) => void): Promise<string | undefined> {
  return findGoProgram(SERVER, say);
}

const VERSION = "v2.12.2";
const SERVER = {
  name: `nats-server ${VERSION}`,
  file: "nats-server",
  builtFile: "nats-server",
  variable: "NATS_SERVER",
  source: `github.com/nats-io/nats-server/v2@${VERSION}`,
};
