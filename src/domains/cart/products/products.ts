/**
 * Products by SKU: from the cache, else from the product service, and then into the cache. However many callers of this
 * process ask for one SKU at a time, it is asked for once. What does not exist is not cached: it may exist soon.
 */
import type { Client } from "@connectrpc/connect";
import { UpstreamError } from "../../../contract/errors.ts";
import type { ProductService } from "../../../proto/marketplace/product/v1/product_pb.ts";
import type { Product, ProductCache } from "./product-cache.ts";

export type ProductsOptions = Readonly<{
  client: Pick<Client<typeof ProductService>, "getProduct">;
  cache: Pick<ProductCache, "get" | "put">;
}>;

/** One question that is under way, for the caller who began it and for all who wait meanwhile. */
type Flight = Readonly<{ product: Promise<Product | undefined>; signal: AbortSignal }>;

export class Products {
  readonly #options: ProductsOptions;
  readonly #flights = new Map<number, Flight>();

  constructor(options: ProductsOptions) {
    this.#options = options;
  }

  /**
   * @returns undefined if there is no such product.
   * @throws what the product service answers; the reason of the signal when it aborts.
   */
  async find(sku: number, signal: AbortSignal): Promise<Product | undefined> {
    for (;;) {
      signal.throwIfAborted();
      const others = this.#flights.get(sku);
      if (!others) return this.#begin(sku, signal).product;
      try {
        return await beforeAbort(others.product, signal);
      } catch (error) {
        // The caller who began it gave up: that is no answer for those who wait.
        if (signal.aborted || !others.signal.aborted) throw error;
      }
    }
  }

  #begin(sku: number, signal: AbortSignal): Flight {
    const product = this.#ask(sku, signal).finally(() => this.#flights.delete(sku));
    const flight = { product, signal };
    this.#flights.set(sku, flight);
    return flight;
  }

  async #ask(sku: number, signal: AbortSignal): Promise<Product | undefined> {
    const { client, cache } = this.#options;
    const cached = await cache.get(sku);
    if (cached) return cached;
    try {
      const { name, price } = await client.getProduct({ sku }, { signal });
      void cache.put(sku, { name, price });
      return { name, price };
    } catch (error) {
      if (error instanceof UpstreamError && error.status === "NOT_FOUND") return undefined;
      throw error;
    }
  }
}

/** The promise, or the reason of the abort if that comes first. */
async function beforeAbort<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const abort = () => reject(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}
