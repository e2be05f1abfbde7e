/** Asks the service for orders that were published, and compares what it serves with what was sent. */
import { Agent, get } from "node:http";
import { setTimeout as delay } from "node:timers/promises";

export type Expected = Readonly<{
  orderUid: string;
  /** Every content that was published under this id; whichever came first is the one to be served. */
  contents: readonly Buffer[];
}>;

export type Verification = Readonly<{
  checked: number;
  missing: readonly string[];
  different: readonly string[];
}>;

export class Verifier {
  readonly #url: string;
  readonly #patienceMs: number;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });

  /** @param patienceSeconds how long to go on asking after the last order turned up. */
  constructor(url: string, patienceSeconds = PATIENCE_SECONDS) {
    this.#url = url;
    this.#patienceMs = patienceSeconds * 1000;
  }

  /** The document of an order, undefined while there is none. @throws where the service does not answer properly. */
  read(orderUid: string): Promise<Buffer | undefined> {
    return new Promise((resolve, reject) => {
      const asked = get(
        `${this.#url}/orders/${encodeURIComponent(orderUid)}`,
        { agent: this.#agent },
        (response) => {
          const chunks: Buffer[] = [];
          response.on("data", (chunk: Buffer) => chunks.push(chunk));
          response.once("end", () => {
            if (response.statusCode === 200) resolve(Buffer.concat(chunks));
            else if (response.statusCode === 404) resolve(undefined);
            else reject(new Error(`GET /orders/${orderUid} answered ${response.statusCode}`));
          });
        },
      );
      asked.once("error", reject);
    });
  }

  /** How long it takes from `publishedAt` until the order can be read, in milliseconds; undefined where it is too long. */
  async timeUntilReadable(orderUid: string, publishedAt: number): Promise<number | undefined> {
    while (performance.now() - publishedAt < this.#patienceMs) {
      if (await this.read(orderUid).catch(() => undefined)) return performance.now() - publishedAt;
      await delay(READABLE_POLL_MS);
    }
    return undefined;
  }

  /**
   * Checks all; what is not there yet is asked for again until nothing new has turned up for a while.
   * @param onFound is told how many the service has served so far.
   */
  async check(expected: readonly Expected[], onFound: (found: number) => void): Promise<Verification> {
    const different: string[] = [];
    let found = 0;
    let open = [...expected];
    let lastProgress = performance.now();
    for (;;) {
      const missing: Expected[] = [];
      await this.#inParallel(open, async (one) => {
        const document = await this.read(one.orderUid).catch(() => undefined);
        if (!document) {
          missing.push(one);
          return;
        }
        if (!one.contents.some((content) => content.equals(document))) different.push(one.orderUid);
        found += 1;
        onFound(found);
      });
      if (missing.length < open.length) lastProgress = performance.now();
      open = missing;
      if (open.length === 0 || performance.now() - lastProgress > this.#patienceMs) break;
      await delay(RETRY_MS);
    }
    return { checked: expected.length, missing: open.map(({ orderUid }) => orderUid), different };
  }

  close(): void {
    this.#agent.destroy();
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

const CONNECTIONS = 16;
const READABLE_POLL_MS = 2;
const RETRY_MS = 200;

/** Longer than AckWait, after which a broker delivers again what a killed service held. */
const PATIENCE_SECONDS = 45;
