/**
 * A command and the state before it enter, a decision leaves. Pure, so always the same decisions.
 * Source: J. Chassaing, "Functional Event Sourcing Decider" (decide and evolve as pure functions).
 */
import { MINOR_MAX, minorUnits } from "./amount.ts";
import { type Command, type CommandOf, SYSTEM_OWNER } from "./commands.ts";
import type { AccountKey, Currency, DeclineReason, Hold, Movement, Transaction } from "./model.ts";
import type { WalletState } from "./state.ts";

export type Decision = Details & (Readonly<{ status: "succeeded" } & Effects> | Declined);

/** Shown in statements. */
type Details = Readonly<{
  currency?: string | undefined;
  amount?: bigint | undefined;
  counterparty?: string | undefined;
  hold?: string | undefined;
  original?: Transaction | undefined;
}>;

type Effects = Readonly<{
  movement?: Movement;
  /** fold.ts adds the position. */
  holdAfter?: Omit<Hold, "openedPosition" | "position"> & { openedPosition?: bigint };
  currencyAfter?: Omit<Currency, "position">;
}>;

type Declined = Readonly<{ status: "declined"; reason: DeclineReason }>;

export function decide(state: WalletState, command: Command): Decision {
  switch (command.type) {
    case "deposit":
      return decideNew(state, command, (amount) => moving(external(command), available(command), amount));
    case "withdraw":
      return decideNew(state, command, (amount) => moving(available(command), external(command), amount));
    case "transfer":
      return decideTransfer(state, command);
    case "hold":
      return decideNew(state, command, (amount) => ({
        ...moving(available(command), held(command), amount),
        hold: command.id,
        holdAfter: {
          owner: command.owner,
          id: command.id,
          currency: command.currency,
          amount,
          remaining: amount,
          status: "open",
          expiresAtMs: state.nowMs + command.expires_in_seconds * 1000,
        },
      }));
    case "capture":
    case "release":
      return decideOfHold(state, command);
    case "reverse":
      return decideReversal(state, command);
    case "currency.put":
      return decideCurrency(state, command);
    case "tick":
      return { status: "succeeded" };
  }
}

export function expire(hold: Hold): Readonly<{ movement: Movement; holdAfter: Hold }> {
  return {
    movement: { from: held(hold), to: available(hold), amount: hold.remaining },
    holdAfter: { ...hold, remaining: 0n, status: "expired" },
  };
}

type Planned = Details & Effects & Readonly<{ movement: Movement }>;

/** Need an enabled currency. */
function decideNew(
  state: WalletState,
  command: CommandOf<"deposit" | "withdraw" | "transfer" | "hold">,
  plan: (amount: bigint) => Planned,
): Decision {
  const { currency: code } = command;
  const currency = state.currencies.get(code);
  if (!currency) return { status: "declined", reason: "unknown_currency", currency: code };
  if (!currency.enabled) return { status: "declined", reason: "currency_disabled", currency: code };
  const amount = amountOf(command.amount, currency);
  if (typeof amount === "string") return { status: "declined", reason: amount, currency: code };
  return settle(state, plan(amount));
}

function decideTransfer(state: WalletState, command: CommandOf<"transfer">): Decision {
  const { owner, to, currency } = command;
  if (owner === to) return { status: "declined", reason: "self_transfer", currency, counterparty: to };
  const receiver = available({ owner: to, currency });
  const decision = decideNew(state, command, (amount) => moving(available(command), receiver, amount));
  return { ...decision, counterparty: to };
}

/** Allowed even if the currency was disabled meanwhile. */
function decideOfHold(state: WalletState, command: CommandOf<"capture" | "release">): Decision {
  const hold = state.hold(command.owner, command.hold);
  if (!hold) return { status: "declined", reason: "hold_not_found", hold: command.hold };
  const about = { currency: hold.currency, hold: hold.id };
  if (hold.status !== "open") return { ...about, status: "declined", reason: "hold_closed" };
  if (command.type === "release") {
    return settle(state, {
      ...about,
      ...moving(held(hold), available(hold), hold.remaining),
      holdAfter: { ...hold, remaining: 0n, status: "released" },
    });
  }
  const amount = wantedOf(state, command.amount, hold.currency, hold.remaining);
  if (typeof amount === "string") return { ...about, status: "declined", reason: amount };
  if (amount > hold.remaining) return { ...about, amount, status: "declined", reason: "exceeds_hold" };
  const remaining = hold.remaining - amount;
  return settle(state, {
    ...about,
    ...moving(held(hold), external(hold), amount),
    holdAfter: { ...hold, remaining, status: remaining === 0n ? "captured" : "open" },
  });
}

/** The user who has the money reverses; a sender's reversal of a transfer would take it from another user. */
function decideReversal(state: WalletState, command: CommandOf<"reverse">): Decision {
  const { owner, from: sender } = command;
  const original = state.transaction(sender ?? owner, command.transaction);
  const isForeign = sender !== undefined && sender !== owner && original?.counterparty !== owner;
  if (!original || isForeign) return { status: "declined", reason: "transaction_not_found" };
  const movement = original.reason === undefined ? undoing(original) : undefined;
  const { currency, amount: whole, counterparty } = original;
  const about = {
    currency,
    counterparty: owner === original.owner ? counterparty : original.owner,
    original,
  };
  if (!movement || currency === undefined || whole === undefined)
    return { ...about, status: "declined", reason: "not_reversible" };
  if (original.type === "transfer" && owner !== counterparty)
    return { ...about, status: "declined", reason: "not_owner" };
  const left = whole - state.reversedOf(original);
  if (left === 0n) return { ...about, status: "declined", reason: "already_reversed" };
  const amount = wantedOf(state, command.amount, currency, left);
  if (typeof amount === "string") return { ...about, status: "declined", reason: amount };
  if (amount > left) return { ...about, amount, status: "declined", reason: "exceeds_original" };
  return settle(state, { ...about, ...moving(movement.from, movement.to, amount) });
}

/** @returns undefined if it cannot be reversed. */
function undoing({ type, owner, currency, counterparty }: Transaction): Omit<Movement, "amount"> | undefined {
  if (currency === undefined) return undefined;
  const user = available({ owner, currency });
  switch (type) {
    case "deposit":
      return { from: user, to: external({ currency }) };
    case "withdraw":
    case "capture":
      return { from: external({ currency }), to: user };
    case "transfer":
      return counterparty === undefined
        ? undefined
        : { from: available({ owner: counterparty, currency }), to: user };
    default:
      return undefined;
  }
}

/** Stored amounts depend on the exponent, so only `enabled` can change. */
function decideCurrency(state: WalletState, command: CommandOf<"currency.put">): Decision {
  const { code, numeric_code: numericCode, exponent, enabled } = command;
  const known = state.currencies.get(code);
  if (known && (known.numericCode !== numericCode || known.exponent !== exponent))
    return { status: "declined", reason: "currency_fixed", currency: code };
  return { status: "succeeded", currency: code, currencyAfter: { code, numericCode, exponent, enabled } };
}

function wantedOf(
  state: WalletState,
  text: string | undefined,
  code: string,
  whole: bigint,
): bigint | DeclineReason {
  return text === undefined ? whole : amountOf(text, state.currencies.get(code) as Currency);
}

function amountOf(text: string, { exponent }: Currency): bigint | DeclineReason {
  const amount = minorUnits(text, exponent);
  if (amount === undefined) return "amount_precision";
  return amount > MINOR_MAX ? "overflow" : amount;
}

function settle(state: WalletState, planned: Planned): Decision {
  const { from, amount } = planned.movement;
  const { balance } = state.account(from);
  const { movement: _movement, holdAfter: _holdAfter, currencyAfter: _currencyAfter, ...details } = planned;
  if (from.owner !== SYSTEM_OWNER && balance < amount) {
    return { ...details, status: "declined", reason: "insufficient_funds" };
  }
  // The system account mirrors all users, so no user's balance can exceed its limit.
  if (balance - amount < -MINOR_MAX) return { ...details, status: "declined", reason: "overflow" };
  return { ...planned, status: "succeeded" };
}

function moving(from: AccountKey, to: AccountKey, amount: bigint): Planned {
  return { currency: from.currency, amount, movement: { from, to, amount } };
}

const available = ({ owner, currency }: Omit<AccountKey, "kind">): AccountKey => ({
  owner,
  currency,
  kind: "available",
});
const held = ({ owner, currency }: Omit<AccountKey, "kind">): AccountKey => ({
  owner,
  currency,
  kind: "held",
});
const external = ({ currency }: Pick<AccountKey, "currency">): AccountKey =>
  available({ owner: SYSTEM_OWNER, currency });
