/** What a cart costs. */
import { OutOfRangeError } from "../../contract/errors.ts";

/** @throws OutOfRangeError if the sum does not fit into 64 bits without a sign; it is never wrapped. */
export function totalOf(items: readonly Readonly<{ count: number; price: number }>[]): bigint {
  const total = items.reduce((sum, { count, price }) => sum + BigInt(count) * BigInt(price), 0n);
  if (total <= TOTAL_MAX) return total;
  throw new OutOfRangeError("the total price does not fit into 64 bits");
}

const TOTAL_MAX = 2n ** 64n - 1n;
