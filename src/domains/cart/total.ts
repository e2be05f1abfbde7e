/** The total price of a cart. */
import { OutOfRangeError } from "../../contract/errors.ts";

/** @throws OutOfRangeError instead of wrapping beyond 64 unsigned bits. */
export function totalOf(items: readonly Readonly<{ count: number; price: number }>[]): bigint {
  const total = items.reduce((sum, { count, price }) => sum + BigInt(count) * BigInt(price), 0n);
  if (total <= TOTAL_MAX) return total;
  throw new OutOfRangeError("the total price does not fit into 64 bits");
}

const TOTAL_MAX = 2n ** 64n - 1n;
