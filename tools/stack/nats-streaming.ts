/**
 * A NATS Streaming server of one's own. The program is looked for in this order: the path in NATS_STREAMING_SERVER,
 * PATH, the project's `.tools/bin`, `go install` into that folder, the `nats-streaming` image of Docker.
 */
import { mkdir, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import type { Broker } from "./broker.ts";
import { type Child, startChild, waitUntilReady } from "./child.ts";
import { findGoProgram, runs } from "./go-program.ts";
import { freePort } from "./ports.ts";

export type BrokerProgram = Readonly<{ kind: "binary"; path: string }> | Readonly<{ kind: "docker" }>;

/** Finds or builds the program, and says what it does. @returns undefined where it cannot be had. */
export async function findBroker(say: (text: string) => void): Promise<BrokerProgram | undefined> {
  const path = await findGoProgram(SERVER, say);
  if (path) return { kind: "binary", path };
  return runs("docker", ["info"]) ? { kind: "docker" } : undefined;
}

export class NatsStreaming implements Broker {
  readonly kind = "nats-streaming";
  readonly port: number;
  readonly #program: BrokerProgram;
  readonly #folder: string;
  readonly #limits: readonly string[];
  #child: Child | undefined;

  private constructor(program: BrokerProgram, folder: string, port: number, limits: readonly string[]) {
    this.#program = program;
    this.#limits = limits;
    this.#folder = folder;
    this.port = port;
  }

  /**
   * Starts a server with a file store in `folder`, which is emptied first.
   * @param limits of what it keeps; none by default.
   */
  static async create(
    program: BrokerProgram,
    folder: string,
    limits: readonly string[] = WITHOUT_LIMITS,
  ): Promise<NatsStreaming> {
    const server = new NatsStreaming(program, folder, await freePort(), limits);
    await server.wipe();
    await server.start();
    return server;
  }

  get url(): string {
    return `nats://127.0.0.1:${this.port}`;
  }

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  environment(address = this.address): Record<string, string> {
    // The same id after a restart: the broker then gives back at once what the process before held.
    return { NATS_URL: `nats://${address}`, STAN_CLIENT_ID: "waybill" };
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  async start(): Promise<void> {
    const logFile = join(this.#folder, "nats-streaming.log");
    const [command, args] = this.#commandLine();
    const child = startChild(command, args, { logFile });
    this.#child = child;
    await waitUntilReady(child, `NATS Streaming (see ${logFile})`, () => accepts(this.port));
  }

  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
    await this.#child?.end(signal);
  }

  /** Removes everything the server stored; only while it is stopped. */
  async wipe(): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true });
    await mkdir(this.#folder, { recursive: true });
    await writeFile(join(this.#folder, "nats.conf"), `max_payload: ${PAYLOAD_BYTES_MAX}\n`);
  }

  #commandLine(): [string, string[]] {
    const common = ["-cid", "test-cluster", "-store", "FILE", ...this.#limits];
    if (this.#program.kind === "binary") {
      const store = ["-c", join(this.#folder, "nats.conf"), "-dir", join(this.#folder, "store")];
      const address = ["-a", "127.0.0.1", "-p", String(this.port)];
      return [this.#program.path, [...common, ...store, ...address]];
    }
    const mount = ["-v", `${this.#folder}:/data`, "-p", `127.0.0.1:${this.port}:4222`];
    return [
      "docker",
      ["run", "--rm", ...mount, `nats-streaming:${VERSION.slice(1)}`, ...common, "-dir", "/data/store"],
    ];
  }
}

/** Whether a NATS server serves there. */
export function accepts(port: number): Promise<boolean> {
  return new Promise<boolean>((resolve) => {
    const socket = connect(port, "127.0.0.1");
    // A server that greets is one that serves; a port that is merely open is not.
    socket.once("data", () => resolve(true));
    socket.once("error", () => resolve(false));
    socket.setTimeout(1_000, () => resolve(false));
    socket.once("close", () => resolve(false));
  });
}

const VERSION = "v0.25.6";
const SERVER = {
  name: `nats-streaming-server ${VERSION}`,
  file: "nats-streaming-server",
  builtFile: "nats-streaming-server",
  variable: "NATS_STREAMING_SERVER",
  source: `github.com/nats-io/nats-streaming-server@${VERSION}`,
};

/** The server's own defaults throw away what is older than a million messages or a gigabyte: that would be loss. */
const WITHOUT_LIMITS = ["-max_msgs", "0", "-max_bytes", "0", "-max_age", "0s", "-max_channels", "0"];

/** Above the largest document, so that one that is too large reaches the service and is buried there. */
export const PAYLOAD_BYTES_MAX = 8 * 1024 * 1024;
