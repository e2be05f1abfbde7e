/** The words of loms. */
import type { CommandType } from "./commands.ts";

/** Spelled as other systems read them. */
export const ORDER_STATUSES = ["new", "awaiting payment", "payed", "cancelled", "failed"] as const;
export type OrderStatus = (typeof ORDER_STATUSES)[number];

export type Item = Readonly<{ sku: number; count: number }>;

export type Order = Readonly<{
  /** Orders are counted from 1, in the order of positions and without a gap. */
  id: bigint;
  user: bigint;
  status: OrderStatus;
  /** One for each SKU, by SKU ascending. */
  items: readonly Item[];
  /** How many changes it has. */
  sequence: number;
  /** Domain time, in milliseconds since the Unix epoch. */
  createdAtMs: number;
  /** The position that created it, and the one that changed it last. */
  createdPosition: bigint;
  position: bigint;
}>;

/** The pieces of one SKU. */
export type Stock = Readonly<{
  sku: number;
  /** All that are there. */
  total: number;
  /** By others, and by orders that await their payment. */
  reserved: number;
  /** What the last stock.put says: all that were there, and what others reserve. */
  givenTotal: number;
  givenReserved: number;
  givenPosition: bigint;
  /** Of the last change. */
  position: bigint;
}>;

/** A status that an order came into. */
export type Change = Readonly<{
  order: bigint;
  /** 1 for the first change of its order. */
  sequence: number;
  status: OrderStatus;
  position: bigint;
  atMs: number;
}>;

/** A change, with whose order it is: what other systems hear. */
export type OrderChange = Change & Readonly<{ user: bigint }>;

/** Why a rule says no. It is final for the id of the command. */
export const DECLINE_REASONS = [
  "unknown_sku",
  "insufficient_stock",
  "order_not_found",
  "wrong_status",
  "reserved_by_orders",
] as const;

export type DeclineReason = (typeof DECLINE_REASONS)[number];

/** What a position did: one command that was decided. */
export type Decided = Readonly<{
  position: bigint;
  /** Unique. */
  id: string;
  type: CommandType;
  /** undefined if it was not declined. */
  reason: DeclineReason | undefined;
  /** The order that it creates or is about; undefined if there is none. */
  order: bigint | undefined;
  /** Domain time: the greatest time of receipt so far. */
  atMs: number;
}>;

/** What can still be ordered. Others may have reserved more than there is. */
export function availableOf({ total, reserved }: Pick<Stock, "total" | "reserved">): number {
  return Math.max(0, total - reserved);
}
