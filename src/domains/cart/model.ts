/** The cart's words. A checkout freezes the cart's items and removes exactly those when it is done. */
import type { CommandType } from "./commands.ts";

/** Pieces of one SKU in a user's cart. */
export type Item = Readonly<{
  user: string;
  sku: number;
  /** 0 after removal. */
  count: number;
  /** Part of `count` that the open checkout orders. */
  frozen: number;
  /** Position of the last change. */
  position: bigint;
}>;

export type CheckoutState = "open" | "done" | "failed";

/** At most one checkout of a user is open. */
export type Checkout = Readonly<{
  /** Id of the command that began it, and idempotency key of the order. */
  id: string;
  user: string;
  state: CheckoutState;
  /** Set if done; after a failure, if the order service named an order. */
  order: string | undefined;
  /** After a failure: the order service's gRPC status, rule and sentence. */
  status: string | undefined;
  reason: string | undefined;
  message: string | undefined;
  /** Positions of the first and last change. */
  openedPosition: bigint;
  position: bigint;
}>;

/** Pieces of one SKU that a checkout orders. */
export type FrozenItem = Readonly<{
  checkout: string;
  sku: number;
  count: number;
  /** Position of `checkout.begin`. */
  position: bigint;
}>;

/** Reasons for a decline, which is final for the command's id. */
export const DECLINE_REASONS = [
  "insufficient_stock",
  "count_overflow",
  "cart_full",
  "empty_cart",
  "checkout_not_found",
  "checkout_closed",
] as const;

export type DeclineReason = (typeof DECLINE_REASONS)[number];

export type Decided = Readonly<{
  position: bigint;
  id: string;
  type: CommandType;
  user: string;
  /** Undefined after a success. */
  reason: DeclineReason | undefined;
  checkout: string | undefined;
}>;
