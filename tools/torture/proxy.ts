/**
 * Toxiproxy between the service and what it needs: connections can be cut, slowed down, reset, or left open without a
 * byte getting through.
 */
import { type Child, startChild, waitUntilReady } from "../stack/child.ts";
import { findGoProgram } from "../stack/go-program.ts";
import { freePort } from "../stack/ports.ts";

export type Toxic =
  | Readonly<{ type: "latency"; attributes: { latency: number; jitter: number } }>
  /** Nothing gets through and nothing is closed; with 0, until it is taken away. */
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
      throw new Error("the torture needs Toxiproxy: put toxiproxy-server on PATH, or Go to build it");
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

  /** @returns the port that leads to `port`: the given one, or any. */
  async open(name: string, port: number, at?: number): Promise<number> {
    const listen = at ?? (await freePort());
    this.#names.push(name);
    await this.#post("/proxies", {
      name,
      listen: `127.0.0.1:${listen}`,
      upstream: `127.0.0.1:${port}`,
      enabled: true,
    });
    return listen;
  }

  /** Cuts all connections and refuses new ones, or lets them in again. */
  async enable(name: string, enabled: boolean): Promise<void> {
    await this.#insist(() => this.#post(`/proxies/${name}`, { enabled }));
  }

  /** In both directions, until all are taken away. */
  async add(name: string, toxic: Toxic): Promise<void> {
    for (const stream of ["upstream", "downstream"]) {
      const toxics = `/proxies/${name}/toxics`;
      await this.#insist(() => this.#post(toxics, { ...toxic, name: `${toxic.type}-${stream}`, stream }));
    }
  }

  /** Everything as it was. */
  async heal(): Promise<void> {
    await this.#insist(() => this.#post("/reset", {}));
  }

  /** A change waits for the connections that it concerns, which may never move again; then they are cut. */
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
    // What a first attempt did before it hung is there already.
    if (!response.ok && response.status !== 409)
      throw new Error(`Toxiproxy: ${path}: ${response.status} ${await response.text()}`);
  }
}

/** Finds or builds the program. @returns undefined where it cannot be had. */
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
