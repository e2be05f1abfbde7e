/**
 * The rules: a command and the state before it enter, a decision leaves. Nothing is changed here and nothing else is
 * looked at, so the same commands always have the same outcome.
 *
 *   new ─▶ awaiting payment ─▶ payed
 *    │                    └──▶ cancelled
 *    └──▶ failed
 *
 * Source of the form: J. Chassaing, "Functional Event Sourcing Decider" (decide and evolve as pure functions).
 */
import type { Command, CommandOf } from "./commands.ts";
import { availableOf, type DeclineReason, type Item, type Order, type OrderStatus } from "./model.ts";
import type { LomsState } from "./state.ts";

export type Decision = Readonly<{
  /** Why it is declined. A declined order is kept all the same, as failed. */
  reason?: DeclineReason;
  /** The order that it creates or is about. */
  order?: bigint;
  /** What happens, in this order. */
  facts: readonly Fact[];
}>;

export type Fact =
  | Readonly<{ kind: "order created"; order: bigint; user: bigint; items: readonly Item[] }>
  | Readonly<{ kind: "status changed"; order: bigint; status: Exclude<OrderStatus, "new"> }>
  | Readonly<{ kind: "stock given"; sku: number; total: number; reserved: number }>;

/** How long an order waits for its payment, in milliseconds of domain time. It decides outcomes, so it is no setting. */
export const PAYMENT_MS = 10 * 60 * 1000;

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

/** What nobody pays in time is cancelled. */
export function expire({ id }: Order): Fact {
  return { kind: "status changed", order: id, status: "cancelled" };
}

/** All items are reserved, or none. An order whose items cannot be reserved stays, as failed. */
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

/** What is done already is no error, and is not done again. */
function decideEnd(state: LomsState, id: bigint, status: "payed" | "cancelled"): Decision {
  const order = state.order(id);
  if (!order) return { reason: "order_not_found", facts: [] };
  if (order.status === status) return { order: id, facts: [] };
  if (order.status !== "awaiting payment") return { order: id, reason: "wrong_status", facts: [] };
  return { order: id, facts: [{ kind: "status changed", order: id, status }] };
}

/** What orders reserve stays reserved, so a stock cannot have fewer pieces than that. */
function decideStock(state: LomsState, { sku, total, reserved }: CommandOf<"stock.put">): Decision {
  const stock = state.stock(sku);
  const byOrders = stock ? stock.reserved - stock.givenReserved : 0;
  if (total < byOrders) return { reason: "reserved_by_orders", facts: [] };
  return { facts: [{ kind: "stock given", sku, total, reserved }] };
}

/** The same SKU twice in one order is ordered once, in the sum; which may be more than one item can have. */
function addedUp(items: readonly Item[]): Item[] {
  const counts = new Map<number, number>();
  for (const { sku, count } of items) counts.set(sku, (counts.get(sku) ?? 0) + count);
  return [...counts].map(([sku, count]) => ({ sku, count })).sort((one, other) => one.sku - other.sku);
}
