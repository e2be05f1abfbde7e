/** Asks the service for what was published, and has the domain's kit compare the answers with what was sent. */
import { Agent, get } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import type { ReadBack, Reader } from "../domains/kit.ts";

export type Expected = Readonly<{
  key: string;
  /** Every payload that was published under this key. */
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
  readonly #agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });

  /** @param patienceSeconds how long to go on asking after the last complete answer. */
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
          if (response.statusCode === 200) resolve(Buffer.concat(chunks));
          else if (response.statusCode === 404) resolve(undefined);
          else reject(new Error(`GET ${path} answered ${response.statusCode}`));
        });
      });
      asked.once("error", reject);
    });
  }

  /**
   * How long it takes from `publishedAt` until the effect of the payload can be read, in milliseconds; undefined if it
   * takes too long.
   */
  async timeUntilReadable(key: string, payload: Buffer, publishedAt: number): Promise<number | undefined> {
    while (performance.now() - publishedAt < this.#patienceMs) {
      if ((await this.#look({ key, published: [payload] })) !== "missing")
        return performance.now() - publishedAt;
      await delay(READABLE_POLL_MS);
    }
    return undefined;
  }

  /**
   * Checks all; asks again for what is missing until no answer has become complete for a while.
   * @param onFound is told how many are not missing any more.
   */
  async check(expected: readonly Expected[], onFound: (found: number) => void): Promise<Verification> {
    const different: string[] = [];
    let found = 0;
    let open = [...expected];
    let lastProgress = performance.now();
    for (;;) {
      const missing: Expected[] = [];
      await this.#inParallel(open, async (one) => {
        const state = await this.#look(one);
        if (state === "missing") {
          missing.push(one);
          return;
        }
        if (state === "different") different.push(one.key);
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

/** The value below which a fraction of the sorted list lies; undefined for an empty list. */
export function quantile(sorted: readonly number[], fraction: number): number | undefined {
  return sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * fraction) - 1)];
}

/** More than this slows the service that is asked. */
const CONNECTIONS = 16;

/** Below what is measured: a message takes some milliseconds. */
const READABLE_POLL_MS = 2;

/** The pause between two rounds over what is missing. */
const RETRY_MS = 200;

/** Longer than AckWait, after which a broker redelivers what a killed service held. */
const PATIENCE_SECONDS = 45;
