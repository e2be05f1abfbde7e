/** What a command is answered with when it is decided. */
import { DeclinedError } from "../../../contract/errors.ts";
import { majorUnits } from "../amount.ts";
import type { DeclineReason } from "../model.ts";
import type { Receipt } from "../receipts-table.ts";

/** What a command that succeeded is answered with. */
export function receiptDocument({ transaction, exponent, balances }: Receipt) {
  const { position, currency } = transaction;
  const isOfAccount = currency !== undefined && exponent !== undefined && balances !== undefined;
  return {
    position: String(position),
    status: "succeeded",
    balances: isOfAccount ? { [currency]: amounts(balances, exponent) } : {},
  };
}

/** @throws DeclinedError */
export function decline({ transaction, exponent }: Receipt): never {
  const { position, reason, currency, available } = transaction;
  const isKnown = exponent !== undefined && available !== undefined;
  throw new DeclinedError(reason as DeclineReason, TITLES[reason as DeclineReason], {
    position: String(position),
    ...(currency === undefined ? {} : { currency }),
    ...(isKnown ? { available: majorUnits(available, exponent) } : {}),
  });
}

function amounts({ available, held }: Readonly<{ available: bigint; held: bigint }>, exponent: number) {
  return { available: majorUnits(available, exponent), held: majorUnits(held, exponent) };
}

const TITLES: Readonly<Record<DeclineReason, string>> = {
  insufficient_funds: "There is not enough money",
  unknown_currency: "There is no such currency",
  currency_disabled: "The currency is disabled",
  currency_fixed: "Only whether a currency is enabled can change",
  amount_precision: "The amount has more decimals than the currency",
  hold_not_found: "There is no such hold",
  hold_closed: "The hold is captured, released or expired",
  exceeds_hold: "The amount is more than what is held",
  transaction_not_found: "There is no such transaction",
  not_reversible: "This transaction cannot be reversed",
  already_reversed: "The transaction is reversed already",
  exceeds_original: "The amount is more than what is left of the transaction",
  self_transfer: "Sender and receiver are the same",
  overflow: "The balance would have more digits than can be kept",
  not_owner: "The money is not the caller's",
};
