/**
 * The rules, as pure functions: a command and the state before it enter, a decision leaves.
 * Source of the form: J. Chassaing, "Functional Event Sourcing Decider".
 */
import { COUNT_MAX, type Command, type CommandOf, SKUS_MAX } from "./commands.ts";
import type { Checkout, DeclineReason, Item } from "./model.ts";
import type { CartState } from "./state.ts";

export type Decision = Readonly<{
  /** Undefined if the command succeeds. */
  reason?: DeclineReason;
  /** Changed items. */
  items?: readonly ItemAfter[];
  /** The changed checkout. */
  checkoutAfter?: Omit<Checkout, "openedPosition" | "position">;
  /** Items frozen by the command. */
  frozen?: readonly Item[];
  /** Id of the command's checkout. */
  checkout?: string;
}>;

type ItemAfter = Omit<Item, "position">;

export function decide(state: CartState, command: Command): Decision {
  switch (command.type) {
    case "item.add":
      return decideAdd(state, command);
    case "item.delete":
      return {
        items: state
          .items(command.user)
          .filter(({ sku }) => sku === command.sku)
          .map(removed),
      };
    case "clear":
      return { items: state.items(command.user).map(removed) };
    case "checkout.begin":
      return decideBegin(state, command);
    case "checkout.done":
    case "checkout.failed":
      return decideEnd(state, command);
  }
}

/**
 * The stock must cover the whole cart, so two concurrent additions cannot both take the last piece. During a checkout
 * the order may have reserved items that the cart still holds: then more is declined, never less.
 */
function decideAdd(state: CartState, { user, sku, count, available }: CommandOf<"item.add">): Decision {
  const item = state.item(user, sku) ?? { user, sku, count: 0, frozen: 0 };
  const wanted = item.count + count;
  if (BigInt(wanted) > BigInt(available)) return { reason: "insufficient_stock" };
  if (wanted > COUNT_MAX) return { reason: "count_overflow" };
  if (item.count === 0 && state.size(user) >= SKUS_MAX) return { reason: "cart_full" };
  return { items: [{ ...item, count: wanted }] };
}

/** Concurrent checkouts of a user are one checkout, and so one order. */
function decideBegin(state: CartState, { id, user }: CommandOf<"checkout.begin">): Decision {
  const open = state.openCheckout(user);
  if (open) return { checkout: open.id };
  const items = state.items(user);
  if (items.length === 0) return { reason: "empty_cart" };
  const frozen = items.map((item) => ({ ...item, frozen: item.count }));
  return {
    items: frozen,
    frozen,
    checkout: id,
    checkoutAfter: {
      id,
      user,
      state: "open",
      order: undefined,
      status: undefined,
      reason: undefined,
      message: undefined,
    },
  };
}

/** With an order, frozen items leave the cart; without one they are unfrozen. An item deleted meanwhile is not frozen. */
function decideEnd(state: CartState, command: CommandOf<"checkout.done" | "checkout.failed">): Decision {
  const { user, checkout: id, order } = command;
  const checkout = state.checkout(id);
  if (!checkout || checkout.user !== user) return { reason: "checkout_not_found", checkout: id };
  if (checkout.state !== "open") return { reason: "checkout_closed", checkout: id };
  const isDone = command.type === "checkout.done";
  const frozen = state.items(user).filter((item) => item.frozen > 0);
  return {
    items: frozen.map((item) => ({
      ...item,
      count: isDone ? item.count - item.frozen : item.count,
      frozen: 0,
    })),
    checkout: id,
    checkoutAfter: {
      ...checkout,
      state: isDone ? "done" : "failed",
      order,
      status: isDone ? undefined : command.status,
      reason: isDone ? undefined : command.reason,
      message: isDone ? undefined : command.message,
    },
  };
}

const removed = (item: Item): ItemAfter => ({ ...item, count: 0, frozen: 0 });
