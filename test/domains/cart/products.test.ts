/** Products by SKU: how often the product service is asked, and what its callers get. */
import { create } from "@bufbuild/protobuf";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { TooManyCallsError, UpstreamError } from "../../../src/contract/errors.ts";
import type { Product } from "../../../src/domains/cart/products/product-cache.ts";
import { Products } from "../../../src/domains/cart/products/products.ts";
import { GetProductResponseSchema } from "../../../src/proto/marketplace/product/v1/product_pb.ts";
import { errorOf } from "../../support/error.ts";

const products = suite("products of cart");
const never = new AbortController().signal;
const BOOK: Product = { name: "a book", price: 3379 };

/** A product service whose answers the test gives, and a cache in memory. */
class World {
  readonly asked: number[] = [];
  readonly stored = new Map<number, Product>();
  readonly #answers: PromiseWithResolvers<Product>[] = [];
  readonly products: Products;

  constructor() {
    this.products = new Products({
      client: {
        getProduct: async ({ sku = 0 }, { signal } = {}) => {
          this.asked.push(sku);
          const answer = Promise.withResolvers<Product>();
          this.#answers.push(answer);
          signal?.addEventListener("abort", () => answer.reject(signal.reason));
          return create(GetProductResponseSchema, await answer.promise);
        },
      },
      cache: {
        get: async (sku) => this.stored.get(sku),
        put: async (sku, product) => {
          this.stored.set(sku, product);
        },
      },
    });
  }

  async answer(product: Product): Promise<void> {
    await turns();
    this.#answers.shift()?.resolve(product);
  }

  async refuse(error: Error): Promise<void> {
    await turns();
    this.#answers.shift()?.reject(error);
  }
}

/** Runs everything that is not blocked. */
const turns = () => new Promise((resolve) => setImmediate(resolve));

products("what is not cached is asked for, and cached then", async () => {
  const world = new World();
  const found = world.products.find(7, never);
  await world.answer(BOOK);
  assert.equal(await found, BOOK);
  assert.equal(world.stored.get(7), BOOK);
  assert.equal(await world.products.find(7, never), BOOK);
  assert.equal(world.asked, [7]);
});

products("however many ask for a SKU at a time, it is asked for once", async () => {
  const world = new World();
  const found = Promise.all(Array.from({ length: 100 }, () => world.products.find(7, never)));
  const other = world.products.find(8, never);
  await world.answer(BOOK);
  await world.answer({ name: "another", price: 1 });
  assert.equal(
    await found,
    Array.from({ length: 100 }, () => BOOK),
  );
  assert.is((await other)?.name, "another");
  assert.equal(world.asked, [7, 8]);
});

products("what does not exist is not cached", async () => {
  const world = new World();
  for (let times = 0; times < 2; times++) {
    const found = world.products.find(7, never);
    await world.refuse(new UpstreamError("NOT_FOUND", "there is no such product"));
    assert.is(await found, undefined);
  }
  assert.equal(world.asked, [7, 7]);
  assert.is(world.stored.size, 0);
});

products("a failure is that of all who wait, and of nobody after them", async () => {
  const world = new World();
  const found = [world.products.find(7, never), world.products.find(7, never)].map(errorOf);
  await world.refuse(new TooManyCallsError("too many calls", 1));
  for (const error of await Promise.all(found)) assert.instance(error, TooManyCallsError);
  const again = world.products.find(7, never);
  await world.answer(BOOK);
  assert.equal(await again, BOOK);
});

products("a caller who hangs up takes no answer from the others", async () => {
  const world = new World();
  const caller = new AbortController();
  const first = errorOf(world.products.find(7, caller.signal));
  const others = [world.products.find(7, never), world.products.find(7, never)];
  await turns();
  caller.abort(new Error("hung up"));
  assert.is((await first).message, "hung up");
  // One of the others asks again, for both.
  await world.refuse(new Error("this answer comes too late"));
  await world.answer(BOOK);
  assert.equal(await Promise.all(others), [BOOK, BOOK]);
  assert.equal(world.asked, [7, 7]);
});

products("who waits for the question of another caller can hang up", async () => {
  const world = new World();
  const caller = new AbortController();
  const first = world.products.find(7, never);
  const second = errorOf(world.products.find(7, caller.signal));
  await turns();
  caller.abort(new Error("hung up"));
  assert.is((await second).message, "hung up");
  await world.answer(BOOK);
  assert.equal(await first, BOOK);
});

products("an expired deadline asks nobody", async () => {
  const world = new World();
  const error = await errorOf(world.products.find(7, AbortSignal.abort(new Error("too late"))));
  assert.is(error.message, "too late");
  assert.equal(world.asked, []);
});

products.run();
