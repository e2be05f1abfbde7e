/** What a cart costs. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { OutOfRangeError } from "../../../src/contract/errors.ts";
import { COUNT_MAX, SKUS_MAX } from "../../../src/domains/cart/commands.ts";
import { totalOf } from "../../../src/domains/cart/total.ts";
import { errorOf } from "../../support/error.ts";

const total = suite("total of cart");
const PRICE_MAX = 2 ** 32 - 1;

total("it is exact beyond what a number holds", () => {
  assert.is(totalOf([]), 0n);
  assert.is(
    totalOf([
      { count: 2, price: 2202 },
      { count: 3, price: 3379 },
    ]),
    14_541n,
  );
  assert.is(totalOf([{ count: PRICE_MAX, price: PRICE_MAX }]), 18_446_744_065_119_617_025n);
});

total("what does not fit into 64 bits is an error, and no wrapped number", async () => {
  const largest = { count: PRICE_MAX, price: PRICE_MAX };
  // 2^64 - 1 exactly, and one more.
  const rest = { count: 1, price: Number(2n ** 64n - 1n - BigInt(PRICE_MAX) ** 2n) };
  assert.is(totalOf([largest, rest]), 2n ** 64n - 1n);
  const error = await errorOf((async () => totalOf([largest, rest, { count: 1, price: 1 }]))());
  assert.instance(error, OutOfRangeError);
});

total("the largest cart that the rules allow fits", () => {
  const full = Array.from({ length: SKUS_MAX }, () => ({ count: COUNT_MAX, price: PRICE_MAX }));
  assert.ok(totalOf(full) > 0n);
});

total.run();
