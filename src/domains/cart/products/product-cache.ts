/**
 * Products by SKU in Redis, shared by all processes: all carts read them, they change rarely, and the product service
 * allows ten calls a second. An unavailable shard causes misses, not errors.
 */
import { shardOf } from "./rendezvous.ts";
import { Shard } from "./shard.ts";

export type Product = Readonly<{ name: string; price: number }>;

export type CacheResult = "hit" | "miss" | "error";

/** Called after each read. */
export type OnCacheRead = (result: CacheResult, seconds: number) => void;

export class ProductCache {
  readonly #shards: ReadonlyMap<string, Shard>;
  readonly #onRead: OnCacheRead;

  /** @param urls empty disables the cache. */
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

  /** @returns undefined if it is not cached or its shard does not answer. */
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

  /** Never throws; callers need not wait. */
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

/** @returns undefined for text of another version: a miss. */
function parseProduct(text: string | null): Product | undefined {
  try {
    const { name, price } = JSON.parse(text ?? "null") ?? {};
    return typeof name === "string" && Number.isInteger(price) && price >= 0 ? { name, price } : undefined;
  } catch {
    return undefined;
  }
}

/** Longest delay of a changed price; orders hold no prices. Ten calls a second keep 600 products cached. */
const LIFETIME_SECONDS = 60;
