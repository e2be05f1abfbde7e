/**
 * The words of the cart. A checkout freezes what the cart holds; when it is done, exactly that is removed. What is added
 * meanwhile is not frozen, and stays.
 */
import type { CommandType } from "./commands.ts";

/** What a user means to buy of one SKU. */
export type Item = Readonly<{
  user: string;
  sku: number;
  /** 0 if the cart holds it no more. */
  count: number;
  /** How many of them the user's open checkout orders. */
  frozen: number;
  /** The position that changed it last. */
  position: bigint;
}>;

export type CheckoutState = "open" | "done" | "failed";

/** The way from a cart to an order. A user has at most one that is open. */
export type Checkout = Readonly<{
  /** Of the command that began it; the order is created under this key. */
  id: string;
  user: string;
  state: CheckoutState;
  /** The order; of one that failed, only if it was named. */
  order: string | undefined;
  /** What the order service said of one that failed: the gRPC status, the rule if it named one, and the sentence. */
  status: string | undefined;
  reason: string | undefined;
  message: string | undefined;
  /** The position that began it, and the one that changed it last. */
  openedPosition: bigint;
  position: bigint;
}>;

/** How many of one SKU a checkout orders. */
export type FrozenItem = Readonly<{
  checkout: string;
  sku: number;
  count: number;
  /** That began the checkout. */
  position: bigint;
}>;

/** Why a rule says no. It is final for the id of the command. */
export const DECLINE_REASONS = [
  "insufficient_stock",
  "count_overflow",
  "cart_full",
  "empty_cart",
  "checkout_not_found",
  "checkout_closed",
] as const;

export type DeclineReason = (typeof DECLINE_REASONS)[number];

/** A command that was decided. */
export type Decided = Readonly<{
  position: bigint;
  id: string;
  type: CommandType;
  user: string;
  /** undefined if it succeeded. */
  reason: DeclineReason | undefined;
  /** The checkout that it is about. */
  checkout: string | undefined;
}>;
