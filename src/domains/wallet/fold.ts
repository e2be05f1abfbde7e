/**
 * Folds one command: the clock advances, due holds expire, the rules decide, the movement is posted. Dead letters
 * and duplicates change nothing.
 */
import { type Command, ownerOf } from "./commands.ts";
import type { Currency, Hold, Posting, Transaction } from "./model.ts";
import { type Decision, decide, expire } from "./rules.ts";
import type { WalletState } from "./state.ts";

export type Folded = Readonly<{
  command: Command;
  transaction: Transaction;
  /** Those of expired holds first. */
  postings: readonly Posting[];
  /** Before the command. */
  expired: readonly Hold[];
  /** After the command. */
  hold: Hold | undefined;
  currency: Currency | undefined;
  /** The owner's balances in that currency after the command, in minor units. */
  balances: Readonly<{ available: bigint; held: bigint }> | undefined;
}>;

export type Received = Readonly<{ position: bigint; receivedAtMs: number; command: Command }>;

export function fold(state: WalletState, { position, receivedAtMs, command }: Received): Folded {
  state.nowMs = Math.max(state.nowMs, receivedAtMs);
  const postings: Posting[] = [];
  const expired = state.dueHolds().map((due): Hold => {
    const { movement, holdAfter } = expire(due);
    const hold = { ...holdAfter, position };
    postings.push(...state.move(movement, { position, cause: "expiry", hold: hold.id }));
    state.putHold(hold);
    return hold;
  });

  const decision = decide(state, command);
  let hold: Hold | undefined;
  if (decision.status === "succeeded") {
    const { movement, holdAfter, currencyAfter } = decision;
    if (movement) postings.push(...state.move(movement, { position, cause: "command", hold: decision.hold }));
    if (currencyAfter) state.putCurrency({ ...currencyAfter, position });
    if (holdAfter) {
      hold = { ...holdAfter, openedPosition: holdAfter.openedPosition ?? position, position };
      state.putHold(hold);
    }
  }

  const owner = ownerOf(command);
  const currency = decision.currency === undefined ? undefined : state.currencies.get(decision.currency);
  const balances = currency && balancesOf(state, owner, currency.code);
  const transaction = transactionOf(state, position, command, decision, balances?.available);
  state.putTransaction(transaction);
  return { command, transaction, postings, expired, hold, currency, balances };
}

function transactionOf(
  state: WalletState,
  position: bigint,
  command: Command,
  decision: Decision,
  available: bigint | undefined,
): Transaction {
  const { currency, amount, counterparty, hold, original } = decision;
  const isDeclined = decision.status === "declined";
  const isReversal = original !== undefined && amount !== undefined && !isDeclined;
  return {
    position,
    owner: ownerOf(command),
    id: command.id,
    type: command.type,
    reason: isDeclined ? decision.reason : undefined,
    atMs: state.nowMs,
    currency,
    amount,
    counterparty,
    hold,
    originalPosition: original?.position,
    reversedTotal: isReversal ? state.reversedOf(original) + amount : undefined,
    available: isDeclined ? available : undefined,
  };
}

function balancesOf(state: WalletState, owner: string, currency: string) {
  return {
    available: state.account({ owner, currency, kind: "available" }).balance,
    held: state.account({ owner, currency, kind: "held" }).balance,
  };
}
