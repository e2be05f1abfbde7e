import { test } from "uvu";
import * as assert from "uvu/assert";
import { OrderCache } from "../../../src/domains/orders/cache.ts";

/** Beyond the integers that a double holds. */
const HIGH = 2n ** 60n;

const documentOf = (index: number, bytes: number) => Buffer.alloc(bytes, `document ${index} `);

test("invariant 12: the cache never exceeds its limit, whatever the sizes", () => {
  const bytesMax = 512 * 1024;
  const cache = new OrderCache(bytesMax);
  for (let index = 0; index < 5_000; index++) {
    cache.put(`order ${index}`, documentOf(index, 1 + ((index * 7919) % 40_000)), 1n);
    assert.ok(cache.bytes <= bytesMax, `${cache.bytes} bytes after ${index} orders`);
  }
  assert.ok(cache.entries > 5 && cache.entries < 100);
});

test("invariant 12: the limit includes bookkeeping, even if documents are smaller than it", () => {
  const bytesMax = 64 * 1024;
  const cache = new OrderCache(bytesMax);
  for (let index = 0; index < 5_000; index++) {
    cache.put(`order ${index}`, documentOf(index, 1), 1n);
    assert.ok(cache.bytes <= bytesMax, `${cache.bytes} bytes after ${index} orders`);
    assert.ok(cache.get(`order ${index}`));
  }
});

test("cached documents and their positions stay intact over thousands of evictions", () => {
  const cache = new OrderCache(256 * 1024);
  for (let index = 0; index < 3_000; index++) {
    cache.put(`order ${index}`, documentOf(index, 500), BigInt(index) + HIGH);
    for (const back of [0, 1, 50]) {
      const found = cache.get(`order ${index - back}`);
      if (!found) continue;
      assert.ok(found.document.equals(documentOf(index - back, 500)));
      assert.is(found.position, BigInt(index - back) + HIGH);
    }
    assert.ok(cache.get(`order ${index}`), "the newest is always there");
  }
  assert.is(cache.get("order 0"), undefined);
});

test("restoring evicts nothing and ends when the cache is full", () => {
  const cache = new OrderCache(128 * 1024);
  let restored = 0;
  while (cache.putIfRoom(`order ${restored}`, documentOf(restored, 700), 1n)) restored++;
  assert.ok(restored > 50);
  assert.is(cache.entries, restored);
  assert.ok(cache.get("order 0"));
  assert.ok(cache.bytes <= 128 * 1024);
});

test("a document larger than the whole cache, and a cache of no size, harm nothing", () => {
  for (const bytesMax of [0, 1_000]) {
    const cache = new OrderCache(bytesMax);
    cache.put("large", documentOf(1, 5_000), 1n);
    assert.is(cache.get("large"), undefined);
    assert.is(cache.putIfRoom("large", documentOf(1, 5_000), 1n), false);
    assert.ok(cache.bytes <= bytesMax);
  }
});

test.run();
