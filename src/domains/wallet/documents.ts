/** Amounts are decimal texts with all decimals of their currency. */
import { majorUnits } from "./amount.ts";
import type { Balance } from "./balances-table.ts";
import type { Currency, Posting, Transaction } from "./model.ts";
import type { Entry } from "./statement-table.ts";

export type Currencies = ReadonlyMap<string, Currency>;

export function balancesDocument(balances: readonly Balance[], currencies: Currencies) {
  return Object.fromEntries(
    balances.map(({ currency, available, held }) => [
      currency,
      { available: text(available, currency, currencies), held: text(held, currency, currencies) },
    ]),
  );
}

export function transactionDocument(transaction: Transaction, currencies: Currencies) {
  const { position, id, type, reason, currency, amount, counterparty, hold, originalPosition } = transaction;
  return {
    position: String(position),
    id,
    type,
    status: reason === undefined ? "succeeded" : "declined",
    reason,
    currency,
    amount: text(amount, currency, currencies),
    counterparty,
    hold,
    reverses: originalPosition === undefined ? undefined : String(originalPosition),
    available: text(transaction.available, currency, currencies),
    at: new Date(transaction.atMs).toISOString(),
  };
}

/** Of another user's command, shows only its effect on this owner. */
export function entryDocument({ transaction, postings }: Entry, owner: string, currencies: Currencies) {
  const changes = postings.map((posting) => postingDocument(posting, currencies));
  const { owner: commandOwner, counterparty } = transaction;
  if (commandOwner === owner) return { ...transactionDocument(transaction, currencies), changes };
  const about = transactionDocument(transaction, currencies);
  const isReceived = counterparty === owner && postings.some(({ cause }) => cause === "command");
  if (isReceived)
    return { ...about, available: undefined, counterparty: commandOwner, incoming: true, changes };
  const { position, at } = about;
  return { position, type: "expiry", status: "succeeded", hold: postings[0]?.hold, at, changes };
}

function postingDocument(
  { currency, kind, amount, balanceAfter, cause, hold }: Posting,
  currencies: Currencies,
) {
  return {
    currency,
    kind,
    amount: text(amount, currency, currencies),
    balance_after: text(balanceAfter, currency, currencies),
    cause,
    hold,
  };
}

function text(
  minor: bigint | undefined,
  code: string | undefined,
  currencies: Currencies,
): string | undefined {
  const currency = code === undefined ? undefined : currencies.get(code);
  return minor === undefined || !currency ? undefined : majorUnits(minor, currency.exponent);
}
