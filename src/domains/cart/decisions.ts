/** Decisions about carts, for waiting callers. */
import { Decisions } from "../../contract/decisions.ts";
import type { DomainContext } from "../../contract/domain.ts";
import { DeclinedError } from "../../contract/errors.ts";
import { COMMAND_FORM, type Command } from "./commands.ts";
import { selectDecided, selectDecidedAt } from "./commands-table.ts";
import type { Decided, DeclineReason } from "./model.ts";

export type CartDecisions = Decisions<Command, Decided>;

export function cartDecisions(context: Pick<DomainContext, "database" | "settled">): CartDecisions {
  const { database } = context;
  return new Decisions({
    context,
    form: COMMAND_FORM,
    read: (positions) => selectDecidedAt(database, positions),
    firstOf: async ({ id }) => (await selectDecided(database, [id]))[0]?.position,
  });
}

/** @returns the decision if the command succeeded. @throws DeclinedError */
export function requireSuccess(decided: Decided): Decided {
  const { reason, position } = decided;
  if (reason === undefined) return decided;
  throw new DeclinedError(reason, SENTENCES[reason], { position: String(position) });
}

const SENTENCES: Readonly<Record<DeclineReason, string>> = {
  insufficient_stock: "The stock does not cover what the cart would hold",
  count_overflow: "No order takes so many pieces of one SKU",
  cart_full: "No order takes so many SKUs",
  empty_cart: "The cart is empty",
  checkout_not_found: "There is no such checkout of this user",
  checkout_closed: "The checkout has ended already",
};
