/**
 * The wallet in memory, for tests of its rules: given earlier commands and one new command, compares its status,
 * postings and the balances.
 */
import * as assert from "uvu/assert";
import { majorUnits } from "../../../src/domains/wallet/amount.ts";
import { type Command, checkCommand } from "../../../src/domains/wallet/commands.ts";
import { type Folded, fold } from "../../../src/domains/wallet/fold.ts";
import type { AccountKind, Posting } from "../../../src/domains/wallet/model.ts";
import { WalletState } from "../../../src/domains/wallet/state.ts";

/** A command with optional id and time: seconds since the first one. */
export type Asked = { type: Command["type"]; id?: string; at?: number } & Record<string, unknown>;

export const CURRENCIES: readonly Asked[] = [
  { type: "currency.put", code: "USD", numeric_code: 840, exponent: 2, enabled: true },
  { type: "currency.put", code: "JPY", numeric_code: 392, exponent: 0, enabled: true },
  { type: "currency.put", code: "KWD", numeric_code: 414, exponent: 3, enabled: true },
];

export const put = (owner: string, amount: string, currency = "USD", more: object = {}): Asked => ({
  type: "deposit",
  owner,
  currency,
  amount,
  ...more,
});
export const take = (owner: string, amount: string, currency = "USD", more: object = {}): Asked => ({
  type: "withdraw",
  owner,
  currency,
  amount,
  ...more,
});
export const send = (owner: string, to: string, amount: string, more: object = {}): Asked => ({
  type: "transfer",
  owner,
  to,
  currency: "USD",
  amount,
  ...more,
});
export const hold = (owner: string, id: string, amount: string, seconds = 60, more: object = {}): Asked => ({
  type: "hold",
  owner,
  id,
  currency: "USD",
  amount,
  expires_in_seconds: seconds,
  ...more,
});
export const capture = (owner: string, id: string, amount?: string, more: object = {}): Asked => ({
  type: "capture",
  owner,
  hold: id,
  ...(amount === undefined ? {} : { amount }),
  ...more,
});
export const release = (owner: string, id: string, more: object = {}): Asked => ({
  type: "release",
  owner,
  hold: id,
  ...more,
});
export const reverse = (owner: string, transaction: string, amount?: string, more: object = {}): Asked => ({
  type: "reverse",
  owner,
  transaction,
  ...(amount === undefined ? {} : { amount }),
  ...more,
});
export const tick = (at: number): Asked => ({ type: "tick", at });

/** Each command must succeed. */
export function given(...commands: readonly Asked[]) {
  const wallet = new WalletInMemory();
  for (const command of [...CURRENCIES, ...commands]) {
    const { transaction } = wallet.ask(command);
    assert.is(transaction.reason, undefined, `given: ${JSON.stringify(command)}`);
  }
  return {
    when: (command: Asked) => new Answer(wallet, wallet.ask(command)),
  };
}

/** The outcome of the last command. */
class Answer {
  readonly #wallet: WalletInMemory;
  readonly #folded: Folded;

  constructor(wallet: WalletInMemory, folded: Folded) {
    this.#wallet = wallet;
    this.#folded = folded;
  }

  /** @param postings such as `ann -10.00 = 90.00` for available money and `ann held +10.00 = 10.00`. */
  succeeds(...postings: readonly string[]): this {
    assert.is(this.#folded.transaction.reason, undefined);
    assert.equal(this.#postings(), postings);
    return this;
  }

  declines(reason: string, ...postings: readonly string[]): this {
    assert.is(this.#folded.transaction.reason, reason);
    assert.equal(this.#postings(), postings, "a decline posts nothing of its own");
    return this;
  }

  /** @param expected the available balance and, if it is not 0, the held one: `90.00` or `90.00 held 10.00`. */
  leaves(owner: string, expected: string, currency = "USD"): this {
    const held = this.#wallet.balance(owner, currency, "held");
    const available = this.#wallet.balance(owner, currency, "available");
    const isHeld = /[1-9]/.test(held);
    assert.is(isHeld ? `${available} held ${held}` : available, expected, `balance of ${owner}`);
    return this;
  }

  /** Another command. */
  when(command: Asked): Answer {
    return new Answer(this.#wallet, this.#wallet.ask(command));
  }

  #postings(): string[] {
    return this.#folded.postings.map((posting) => this.#wallet.textOf(posting));
  }
}

export class WalletInMemory {
  readonly state = new WalletState();
  #position = 0n;

  ask({ at = 0, ...asked }: Asked): Folded {
    this.#position += 1n;
    const command = checkCommand({ id: `c${this.#position}`, ...asked });
    if ("problems" in command) throw new Error(`not a command: ${JSON.stringify(command)}`);
    return fold(this.state, { position: this.#position, receivedAtMs: START_MS + at * 1000, command });
  }

  balance(owner: string, currency: string, kind: AccountKind): string {
    return this.#major(this.state.account({ owner, currency, kind }).balance, currency);
  }

  textOf({ owner, currency, kind, amount, balanceAfter, cause }: Posting): string {
    const sign = amount > 0n ? "+" : "";
    const text = `${owner}${kind === "held" ? " held" : ""} ${sign}${this.#major(amount, currency)}`;
    return `${cause === "expiry" ? "expired: " : ""}${text} = ${this.#major(balanceAfter, currency)}`;
  }

  #major(minor: bigint, currency: string): string {
    return majorUnits(minor, this.state.currencies.get(currency)?.exponent ?? 0);
  }
}

const START_MS = Date.UTC(2026, 0, 1);
