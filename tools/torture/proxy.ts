/** Toxiproxy cuts, slows down, resets or stalls connections between the service and its servers. */
import { type Child, startChild, waitUntilReady } from "../stack/child.ts";
import { findGoProgram } from "../stack/go-program.ts";
import { freePort } from "../stack/ports.ts";

export type Toxic =
  | Readonly<{ type: "latency"; attributes: { latency: number; jitter: number } }>
  /** Closes nothing; 0 lasts until it is removed. */
  | Readonly<{ type: "timeout"; attributes: { timeout: number } }>
  | Readonly<{ type: "reset_peer"; attributes: { timeout: number } }>
  | Readonly<{ type: "bandwidth"; attributes: { rate: number } }>;

export class Toxiproxy implements AsyncDisposable {
  readonly #child: Child;
  readonly #url: string;
  readonly #names: string[] = [];

  private constructor(child: Child, url: string) {
    this.#child = child;
    this.#url = url;
  }

  static async start(folder: string, say: (text: string) => void): Promise<Toxiproxy> {
    const path = await findToxiproxy(say);
    if (!path)
      throw new Error("torture needs Toxiproxy: put toxiproxy-server on PATH, or install Go to build it");
    const port = await freePort();
    const child = startChild(path, ["-host", "127.0.0.1", "-port", String(port)], {
      logFile: `${folder}/toxiproxy.log`,
    });
    const url = `http://127.0.0.1:${port}`;
    await waitUntilReady(child, "Toxiproxy", async () =>
      fetch(`${url}/version`).then(
        ({ ok }) => ok,
        () => false,
      ),
    );
    return new Toxiproxy(child, url);
  }

  /** @returns the port that leads to `port`. */
  async open(name: string, port: number, listenPort?: number): Promise<number> {
    const listen = listenPort ?? (await freePort());
    this.#names.push(name);
    await this.#post("/proxies", {
      name,
      listen: `127.0.0.1:${listen}`,
      upstream: `127.0.0.1:${port}`,
      enabled: true,
    });
    return listen;
  }

  /** False cuts all connections and refuses new ones. */
  async enable(name: string, enabled: boolean): Promise<void> {
    await this.#insist(() => this.#post(`/proxies/${name}`, { enabled }));
  }

  /** In both directions, until heal(). */
  async add(name: string, toxic: Toxic): Promise<void> {
    for (const stream of ["upstream", "downstream"]) {
      const toxics = `/proxies/${name}/toxics`;
      await this.#insist(() => this.#post(toxics, { ...toxic, name: `${toxic.type}-${stream}`, stream }));
    }
  }

  async heal(): Promise<void> {
    await this.#insist(() => this.#post("/reset", {}));
  }

  /** A change waits for the connections' next transfer, so stalled ones are cut. */
  async #insist(change: () => Promise<void>): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await change();
      } catch (error) {
        if (attempt === ATTEMPTS_MAX) throw error;
        for (const enabled of [false, true]) {
          for (const name of this.#names) await this.#post(`/proxies/${name}`, { enabled }).catch(() => {});
        }
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#child.end("SIGTERM");
  }

  async #post(path: string, body: object): Promise<void> {
    const response = await fetch(`${this.#url}${path}`, {
      method: "POST",
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS),
    });
    // A timed-out attempt may have succeeded.
    if (!response.ok && response.status !== 409)
      throw new Error(`Toxiproxy: ${path}: ${response.status} ${await response.text()}`);
  }
}

/** @returns undefined if it is not available. */
export function findToxiproxy(say: (text: string) => void): Promise<string | undefined> {
  return findGoProgram(PROGRAM, say);
}

const ATTEMPTS_MAX = 5;
const ANSWER_TIMEOUT_MS = 5_000;

const PROGRAM = {
  name: "Toxiproxy v2.12.0",
  file: "toxiproxy-server",
  builtFile: "server",
  variable: "TOXIPROXY_SERVER",
  source: "github.com/Shopify/toxiproxy/v2/cmd/server@v2.12.0",
};
