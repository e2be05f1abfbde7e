/**
 * Products by SKU in Redis, for all processes together: a product is asked for by everyone and changes rarely, and the
 * product service answers ten calls a second. A shard that is away makes misses, and no errors.
 */
import { shardOf } from "./rendezvous.ts";
import { Shard } from "./shard.ts";

export type Product = Readonly<{ name: string; price: number }>;

export type CacheResult = "hit" | "miss" | "error";

/** Told of each reading: what it gave, and how many seconds it took. */
export type OnCacheRead = (result: CacheResult, seconds: number) => void;

export class ProductCache {
  readonly #shards: ReadonlyMap<string, Shard>;
  readonly #onRead: OnCacheRead;

  /** @param urls of the servers; none: nothing is cached. */
  constructor(urls: readonly string[], onRead: OnCacheRead) {
    const shards = urls.map((url) => new Shard(url));
    this.#shards = new Map(shards.map((shard) => [shard.name, shard]));
    this.#onRead = onRead;
  }

  async connect(): Promise<void> {
    await Promise.all([...this.#shards.values()].map((shard) => shard.connect()));
  }

  close(): void {
    for (const shard of this.#shards.values()) shard.close();
  }

  /** @returns undefined if it is not cached, or if its shard does not answer. */
  async get(sku: number): Promise<Product | undefined> {
    const key = keyOf(sku);
    const shard = this.#shardOf(key);
    if (!shard) return undefined;
    const begun = performance.now();
    let result: CacheResult = "error";
    try {
      const product = parseProduct(await shard.run((client) => client.get(key)));
      result = product ? "hit" : "miss";
      return product;
    } catch {
      return undefined;
    } finally {
      this.#onRead(result, (performance.now() - begun) / 1000);
    }
  }

  /** Keeps it for a while, if its shard takes it. Nobody need wait for that. */
  async put(sku: number, { name, price }: Product): Promise<void> {
    const key = keyOf(sku);
    const text = JSON.stringify({ name, price });
    const expiration = { type: "EX", value: LIFETIME_SECONDS } as const;
    await this.#shardOf(key)
      ?.run((client) => client.set(key, text, { expiration }))
      .catch(() => {});
  }

  #shardOf(key: string): Shard | undefined {
    return this.#shards.get(shardOf(key, this.#shards.keys()) ?? "");
  }
}

const keyOf = (sku: number): string => `waybill:product:${sku}`;

/** @returns undefined for what this version did not write: it is a miss. */
function parseProduct(text: string | null): Product | undefined {
  try {
    const { name, price } = JSON.parse(text ?? "null") ?? {};
    return typeof name === "string" && Number.isInteger(price) && price >= 0 ? { name, price } : undefined;
  } catch {
    return undefined;
  }
}

/**
 * A price that has changed is shown at most so much later. Orders hold no prices, so nobody pays an old one; and with ten
 * calls a second 600 products stay cached.
 */
const LIFETIME_SECONDS = 60;
