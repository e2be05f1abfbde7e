/** Responses to decided commands. */
import { DeclinedError } from "../../../contract/errors.ts";
import { majorUnits } from "../amount.ts";
import type { DeclineReason } from "../model.ts";
import type { Receipt } from "../receipts-table.ts";

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
  insufficient_funds: "The available balance is too low",
  unknown_currency: "The currency does not exist",
  currency_disabled: "The currency is disabled",
  currency_fixed: "Only the enabled state of a currency can change",
  amount_precision: "The amount has more decimals than the currency",
  hold_not_found: "The hold does not exist",
  hold_closed: "The hold is captured, released or expired",
  exceeds_hold: "The amount exceeds the remaining hold",
  transaction_not_found: "The transaction does not exist",
  not_reversible: "This transaction cannot be reversed",
  already_reversed: "The transaction is already reversed",
  exceeds_original: "The amount exceeds the part of the transaction that is not reversed",
  self_transfer: "Sender and receiver are the same",
  overflow: "The balance would have more digits than can be stored",
  not_owner: "Only the receiver can reverse a transfer",
};
