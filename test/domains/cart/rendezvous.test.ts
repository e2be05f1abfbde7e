/** Which shard a key belongs to. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { shardOf } from "../../../src/domains/cart/products/rendezvous.ts";

const rendezvous = suite("rendezvous");
const KEYS = Array.from({ length: 10_000 }, (_none, index) => `waybill:product:${index}`);
const shards = (count: number) => Array.from({ length: count }, (_none, index) => `redis-${index}:6379`);

rendezvous("each of n shards has about 1/n of the keys", () => {
  for (const count of [2, 3, 5]) {
    const sizes = Map.groupBy(KEYS, (key) => shardOf(key, shards(count)));
    assert.is(sizes.size, count);
    for (const [shard, keys] of sizes) {
      // Ten standard deviations of a binomial distribution.
      assert.ok(Math.abs(keys.length - KEYS.length / count) < 500, `${shard} of ${count}: ${keys.length}`);
    }
  }
});

rendezvous("a shard that joins takes about 1/n, all of it for itself", () => {
  for (const count of [2, 3, 5]) {
    const moved = KEYS.filter((key) => shardOf(key, shards(count)) !== shardOf(key, shards(count - 1)));
    assert.ok(Math.abs(moved.length - KEYS.length / count) < 500, `${count}: ${moved.length}`);
    for (const key of moved) assert.is(shardOf(key, shards(count)), `redis-${count - 1}:6379`);
  }
});

rendezvous("a shard that leaves moves its own keys alone", () => {
  const [, ...left] = shards(4);
  for (const key of KEYS) {
    const before = shardOf(key, shards(4));
    if (before !== "redis-0:6379") assert.is(shardOf(key, left), before);
  }
});

rendezvous("the sequence of the shards does not matter, and without a shard there is none", () => {
  for (const key of KEYS.slice(0, 100)) {
    assert.is(shardOf(key, shards(5).reverse()), shardOf(key, shards(5)));
  }
  assert.is(shardOf("any", []), undefined);
});

rendezvous.run();
