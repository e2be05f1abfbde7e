/** Reads published messages back; the kit compares. */
import { Agent, get } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import type { ReadBack, Reader } from "../domains/kit.ts";

export type Expected = Readonly<{
  key: string;
  /** Under this key. */
  published: readonly Buffer[];
}>;

export type Verification = Readonly<{
  checked: number;
  missing: readonly string[];
  different: readonly string[];
}>;

export class Verifier implements Reader {
  readonly url: string;
  readonly #readBack: ReadBack;
  readonly #patienceMs: number;
  /** Complete responses. */
  answers = 0;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });

  /** @param patienceSeconds without progress. */
  constructor(url: string, readBack: ReadBack, patienceSeconds = PATIENCE_SECONDS) {
    this.url = url;
    this.#readBack = readBack;
    this.#patienceMs = patienceSeconds * 1000;
  }

  read(key: string): Promise<Buffer | undefined> {
    const { path, headers = {} } = this.#readBack.request(key);
    return new Promise((resolve, reject) => {
      const asked = get(`${this.url}${path}`, { agent: this.#agent, headers }, (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.once("end", () => {
          this.answers += 1;
          if (response.statusCode === 200) resolve(Buffer.concat(chunks));
          else if (response.statusCode === 404) resolve(undefined);
          else reject(new Error(`GET ${path} answered ${response.statusCode}`));
        });
      });
      asked.once("error", reject);
    });
  }

  /** Milliseconds; undefined after `patienceSeconds`. */
  async timeUntilReadable(key: string, payload: Buffer, publishedAt: number): Promise<number | undefined> {
    while (performance.now() - publishedAt < this.#patienceMs) {
      if ((await this.#look({ key, published: [payload] })) !== "missing")
        return performance.now() - publishedAt;
      await delay(READABLE_POLL_MS);
    }
    return undefined;
  }

  /** Retries missing ones until none appears for `patienceSeconds`. */
  async check(expected: readonly Expected[], onFound: (found: number) => void): Promise<Verification> {
    const different: string[] = [];
    let found = 0;
    let open = [...expected];
    let lastProgress = performance.now();
    for (;;) {
      const missing: Expected[] = [];
      await this.#inParallel(open, async (item) => {
        const state = await this.#look(item);
        if (state === "missing") {
          missing.push(item);
          return;
        }
        if (state === "different") different.push(item.key);
        found += 1;
        onFound(found);
      });
      if (missing.length < open.length) lastProgress = performance.now();
      open = missing;
      if (open.length === 0 || performance.now() - lastProgress > this.#patienceMs) break;
      await delay(RETRY_MS);
    }
    return { checked: expected.length, missing: open.map(({ key }) => key), different };
  }

  close(): void {
    this.#agent.destroy();
  }

  async #look({ key, published }: Expected): Promise<ReturnType<ReadBack["compare"]>> {
    const answer = await this.read(key).catch(() => undefined);
    return answer ? this.#readBack.compare(answer, published) : "missing";
  }

  async #inParallel<T>(list: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
    const items = list.values();
    await Promise.all(
      Array.from({ length: CONNECTIONS }, async () => {
        for (const item of items) await work(item);
      }),
    );
  }
}

/** Undefined for an empty list. */
export function quantile(sorted: readonly number[], fraction: number): number | undefined {
  return sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * fraction) - 1)];
}

/** More slow the service down. */
const CONNECTIONS = 16;

/** Below the measured latency. */
const READABLE_POLL_MS = 2;

/** Between rounds. */
const RETRY_MS = 200;

/** Longer than AckWait, the redelivery of a killed service's messages. */
const PATIENCE_SECONDS = 45;
