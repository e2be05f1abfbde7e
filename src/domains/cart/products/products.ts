/**
 * Products by SKU, from the cache or else the product service. Concurrent callers of a process share one read of a SKU.
 * Missing products are not cached, because they may appear soon.
 */
import type { Client } from "@connectrpc/connect";
import { UpstreamError } from "../../../contract/errors.ts";
import type { ProductService } from "../../../proto/marketplace/product/v1/product_pb.ts";
import type { Product, ProductCache } from "./product-cache.ts";

export type ProductsOptions = Readonly<{
  client: Pick<Client<typeof ProductService>, "getProduct">;
  cache: Pick<ProductCache, "get" | "put">;
}>;

/** A read in progress, with its first caller's signal. */
type Flight = Readonly<{ product: Promise<Product | undefined>; signal: AbortSignal }>;

export class Products {
  readonly #options: ProductsOptions;
  readonly #flights = new Map<number, Flight>();

  constructor(options: ProductsOptions) {
    this.#options = options;
  }

  /**
   * @returns undefined if there is no such product.
   * @throws the product service's error; the signal's reason when it aborts.
   */
  async find(sku: number, signal: AbortSignal): Promise<Product | undefined> {
    for (;;) {
      signal.throwIfAborted();
      const others = this.#flights.get(sku);
      if (!others) return this.#begin(sku, signal).product;
      try {
        return await beforeAbort(others.product, signal);
      } catch (error) {
        // If the first caller gave up, read again.
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

/** @throws the reason of the abort if that comes first. */
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
