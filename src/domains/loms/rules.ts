/**
 * The rules: a command and the state before it enter, a decision leaves. Pure functions, so that the same commands always
 * have the same outcome.
 *
 *   new ─▶ awaiting payment ─▶ payed
 *    │                    └──▶ cancelled
 *    └──▶ failed
 *
 * Source: J. Chassaing, "Functional Event Sourcing Decider".
 */
import type { Command, CommandOf } from "./commands.ts";
import { availableOf, type DeclineReason, type Fact, type Item, type Order } from "./model.ts";
import type { LomsState } from "./state.ts";

export type Decision = Readonly<{
  /** Undefined if it succeeds. A declined order is kept as failed. */
  reason?: DeclineReason;
  order?: bigint;
  facts: readonly Fact[];
}>;

export function decide(state: LomsState, command: Command): Decision {
  switch (command.type) {
    case "order.create":
      return decideCreation(state, command);
    case "order.pay":
      return decideEnd(state, BigInt(command.order), "payed");
    case "order.cancel":
      return decideEnd(state, BigInt(command.order), "cancelled");
    case "stock.put":
      return decideStock(state, command);
    case "tick":
      return { facts: [] };
  }
}

/** The end of an order that is not payed in time. */
export function expire({ id }: Order): Fact {
  return { kind: "status changed", order: id, status: "cancelled" };
}

/** Reserves all items or none; without a reservation the order is kept as failed. */
function decideCreation(state: LomsState, command: CommandOf<"order.create">): Decision {
  const order = state.lastOrder + 1n;
  const items = addedUp(command.items);
  const created: Fact = { kind: "order created", order, user: BigInt(command.user), items };
  const reason = shortageOf(state, items);
  return reason === undefined
    ? { order, facts: [created, { kind: "status changed", order, status: "awaiting payment" }] }
    : { order, reason, facts: [created, { kind: "status changed", order, status: "failed" }] };
}

function shortageOf(state: LomsState, items: readonly Item[]): DeclineReason | undefined {
  const wanted = items.map(({ sku, count }) => ({ stock: state.stock(sku), count }));
  if (wanted.some(({ stock }) => stock === undefined)) return "unknown_sku";
  const isShort = wanted.some(({ stock, count }) => stock !== undefined && availableOf(stock) < count);
  return isShort ? "insufficient_stock" : undefined;
}

/** A repetition succeeds and has no effect. */
function decideEnd(state: LomsState, id: bigint, status: "payed" | "cancelled"): Decision {
  const order = state.order(id);
  if (!order) return { reason: "order_not_found", facts: [] };
  if (order.status === status) return { order: id, facts: [] };
  if (order.status !== "awaiting payment") return { order: id, reason: "wrong_status", facts: [] };
  return { order: id, facts: [{ kind: "status changed", order: id, status }] };
}

/** Declines a total below the reservations of orders, which stay. */
function decideStock(state: LomsState, { sku, total, reserved }: CommandOf<"stock.put">): Decision {
  const stock = state.stock(sku);
  const byOrders = stock ? stock.reserved - stock.givenReserved : 0;
  if (total < byOrders) return { reason: "reserved_by_orders", facts: [] };
  return { facts: [{ kind: "stock given", sku, total, reserved }] };
}

/** Adds up the counts of each SKU; the sum may exceed the bound of one item. */
function addedUp(items: readonly Item[]): Item[] {
  const counts = new Map<number, number>();
  for (const { sku, count } of items) counts.set(sku, (counts.get(sku) ?? 0) + count);
  return [...counts].map(([sku, count]) => ({ sku, count })).sort((one, other) => one.sku - other.sku);
}
