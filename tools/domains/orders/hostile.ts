/** Beside the general mutations. */
import type { Mutation } from "../kit.ts";

export const ORDER_HOSTILE: readonly Mutation[] = [
  (order, random) => {
    const levels = Math.floor(10 ** (random.random() * 4.7));
    return order.replace('"items":[', `"items":[${"[".repeat(levels)}1${"]".repeat(levels)},`);
  },
  (_order, random) =>
    random.pick(["<order/>", "order_uid=1&x=2", "[order]\nitems = 3", "order_uid: 1\nitems: []"]),
];
