/** The types of loms. */
import type { CommandType } from "./commands.ts";

/** The spelling is a contract with other systems. */
export const ORDER_STATUSES = ["new", "awaiting payment", "payed", "cancelled", "failed"] as const;
export type OrderStatus = (typeof ORDER_STATUSES)[number];

export type Item = Readonly<{ sku: number; count: number }>;

export type Order = Readonly<{
  /** Dense from 1, by position. */
  id: bigint;
  user: bigint;
  status: OrderStatus;
  /** One per SKU, by SKU ascending. */
  items: readonly Item[];
  /** The number of its changes. */
  sequence: number;
  /** Domain time, since the Unix epoch. */
  createdAtMs: number;
  createdPosition: bigint;
  /** Of the last change. */
  position: bigint;
}>;

/** The pieces of one SKU. */
export type Stock = Readonly<{
  sku: number;
  total: number;
  /** By others and by unpaid orders. */
  reserved: number;
  /** From the last stock.put: the total, and the reservations of others. */
  givenTotal: number;
  givenReserved: number;
  givenPosition: bigint;
  /** Of the last change. */
  position: bigint;
}>;

export type Change = Readonly<{
  order: bigint;
  /** From 1, per order. */
  sequence: number;
  status: OrderStatus;
  position: bigint;
  atMs: number;
}>;

/** A change with the user of its order, for other systems. */
export type OrderChange = Change & Readonly<{ user: bigint }>;

/** Final for the id of the command. */
export const DECLINE_REASONS = [
  "unknown_sku",
  "insufficient_stock",
  "order_not_found",
  "wrong_status",
  "reserved_by_orders",
] as const;

export type DeclineReason = (typeof DECLINE_REASONS)[number];

/** A decided command. */
export type Decided = Readonly<{
  position: bigint;
  /** Unique. */
  id: string;
  type: CommandType;
  /** Undefined if it succeeded. */
  reason: DeclineReason | undefined;
  /** The order that it creates or names. */
  order: bigint | undefined;
  /** Domain time: the greatest time of receipt so far. */
  atMs: number;
}>;

/** Never negative, though others may reserve more than the total. */
export function availableOf({ total, reserved }: Pick<Stock, "total" | "reserved">): number {
  return Math.max(0, total - reserved);
}

export type Fact =
  | Readonly<{ kind: "order created"; order: bigint; user: bigint; items: readonly Item[] }>
  | Readonly<{ kind: "status changed"; order: bigint; status: Exclude<OrderStatus, "new"> }>
  | Readonly<{ kind: "stock given"; sku: number; total: number; reserved: number }>;

/** Domain time until an unpaid order is cancelled. A constant, because it decides outcomes. */
export const PAYMENT_MS = 10 * 60 * 1000;
