/** Folds one command into the state. */
import type { Command } from "./commands.ts";
import type { Decided } from "./model.ts";
import { decide } from "./rules.ts";
import type { CartState } from "./state.ts";

export function fold(state: CartState, position: bigint, command: Command): Decided {
  const { reason, items = [], frozen = [], checkout, checkoutAfter } = decide(state, command);
  for (const item of items) state.putItem({ ...item, position });
  if (checkoutAfter) {
    const openedPosition = state.checkout(checkoutAfter.id)?.openedPosition ?? position;
    state.putCheckout({ ...checkoutAfter, openedPosition, position });
    state.addFrozen(frozen.map(({ sku, count }) => ({ checkout: checkoutAfter.id, sku, count, position })));
  }
  const { id, type, user } = command;
  const decided = { position, id, type, user, reason, checkout };
  state.putDecided(decided);
  return decided;
}
