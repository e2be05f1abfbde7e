/**
 * NATS Streaming, from NATS_STREAMING_SERVER (a path), PATH, `.tools/bin`, `go install`, or the Docker image `nats-
 * streaming`.
 */
import { mkdir, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import type { Broker } from "./broker.ts";
import { type Child, startChild, waitUntilReady } from "./child.ts";
import { findGoProgram, runs } from "./go-program.ts";
import { freePort } from "./ports.ts";

export type BrokerProgram = Readonly<{ kind: "binary"; path: string }> | Readonly<{ kind: "docker" }>;

/** @returns undefined if it is not available. */
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

  /** @param limits of the store; none by default. */
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
    // A restart with the same id gets unacknowledged messages at once.
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

export function accepts(port: number): Promise<boolean> {
  return new Promise<boolean>((resolve) => {
    const socket = connect(port, "127.0.0.1");
    // An open port is not enough: a working server greets.
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

/** The defaults drop messages beyond a million or a gigabyte. */
const WITHOUT_LIMITS = ["-max_msgs", "0", "-max_bytes", "0", "-max_age", "0s", "-max_channels", "0"];

/** A too large message must reach the service, to become a dead letter. */
export const PAYLOAD_BYTES_MAX = 8 * 1024 * 1024;
