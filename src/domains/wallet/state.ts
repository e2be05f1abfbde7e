/** The state that the rules see: rows of one batch, changed by each command, dropped with the batch. */
import { SYSTEM_OWNER } from "./commands.ts";
import {
  type Account,
  type AccountKey,
  accountText,
  type Currency,
  type Hold,
  idText,
  type Movement,
  type Posting,
  type Transaction,
} from "./model.ts";

export class WalletState {
  /** Domain time: the latest receive time of a folded command. */
  nowMs = 0;
  readonly currencies = new Map<string, Currency>();
  readonly #accounts = new Map<string, Account>();
  readonly #holds = new Map<string, Hold>();
  readonly #transactions = new Map<string, Transaction>();
  /** By the position of the original. */
  readonly #reversed = new Map<bigint, bigint>();
  readonly #changedAccounts = new Set<string>();
  readonly #changedHolds = new Set<string>();
  readonly #changedCurrencies = new Set<string>();
  /** Lower bound. */
  #earliestExpiryMs = Number.POSITIVE_INFINITY;

  load(stored: {
    nowMs?: number;
    currencies?: readonly Currency[];
    accounts?: readonly Account[];
    holds?: readonly Hold[];
    transactions?: readonly Transaction[];
    reversed?: ReadonlyMap<bigint, bigint>;
  }): void {
    this.nowMs = Math.max(this.nowMs, stored.nowMs ?? 0);
    for (const currency of stored.currencies ?? []) this.currencies.set(currency.code, currency);
    for (const account of stored.accounts ?? []) this.#accounts.set(accountText(account), account);
    for (const hold of stored.holds ?? []) this.#keepHold(hold);
    for (const transaction of stored.transactions ?? []) this.#keepTransaction(transaction);
    for (const [position, amount] of stored.reversed ?? []) this.#reversed.set(position, amount);
  }

  /** Empty without postings. */
  account(key: AccountKey): Account {
    return this.#accounts.get(accountText(key)) ?? { ...key, balance: 0n, sequence: 0n, position: 0n };
  }

  hold(owner: string, id: string): Hold | undefined {
    return this.#holds.get(idText(owner, id));
  }

  transaction(owner: string, id: string): Transaction | undefined {
    return this.#transactions.get(idText(owner, id));
  }

  reversedOf({ position }: Transaction): bigint {
    return this.#reversed.get(position) ?? 0n;
  }

  /** Earliest first. */
  dueHolds(): Hold[] {
    if (this.nowMs < this.#earliestExpiryMs) return [];
    const open = [...this.#holds.values()].filter(({ status }) => status === "open");
    const due = open.filter(({ expiresAtMs }) => expiresAtMs <= this.nowMs);
    const later = open.filter(({ expiresAtMs }) => expiresAtMs > this.nowMs);
    this.#earliestExpiryMs = later.reduce(
      (least, { expiresAtMs }) => Math.min(least, expiresAtMs),
      Number.POSITIVE_INFINITY,
    );
    return due.sort(
      (a, b) => a.expiresAtMs - b.expiresAtMs || (a.openedPosition < b.openedPosition ? -1 : 1),
    );
  }

  move(
    { from, to, amount }: Movement,
    about: Pick<Posting, "position" | "cause" | "hold">,
  ): [Posting, Posting] {
    return [this.#post(from, -amount, about), this.#post(to, amount, about)];
  }

  putHold(hold: Hold): void {
    this.#keepHold(hold);
    this.#changedHolds.add(idText(hold.owner, hold.id));
  }

  putCurrency(currency: Currency): void {
    this.currencies.set(currency.code, currency);
    this.#changedCurrencies.add(currency.code);
  }

  putTransaction(transaction: Transaction): void {
    this.#keepTransaction(transaction);
    const { originalPosition, reversedTotal } = transaction;
    if (originalPosition !== undefined && reversedTotal !== undefined)
      this.#reversed.set(originalPosition, reversedTotal);
  }

  get changed(): { accounts: Account[]; holds: Hold[]; currencies: Currency[] } {
    return {
      accounts: [...this.#changedAccounts].map((key) => this.#accounts.get(key) as Account),
      holds: [...this.#changedHolds].map((key) => this.#holds.get(key) as Hold),
      currencies: [...this.#changedCurrencies].map((code) => this.currencies.get(code) as Currency),
    };
  }

  #post(key: AccountKey, amount: bigint, about: Pick<Posting, "position" | "cause" | "hold">): Posting {
    const previous = this.account(key);
    const { owner, currency, kind } = key;
    const balance = previous.balance + amount;
    if (balance < 0n && owner !== SYSTEM_OWNER) throw new Error("a rule let a balance fall below 0");
    const account = {
      owner,
      currency,
      kind,
      balance,
      sequence: previous.sequence + 1n,
      position: about.position,
    };
    const text = accountText(key);
    this.#accounts.set(text, account);
    this.#changedAccounts.add(text);
    return { ...about, owner, currency, kind, sequence: account.sequence, amount, balanceAfter: balance };
  }

  #keepHold(hold: Hold): void {
    this.#holds.set(idText(hold.owner, hold.id), hold);
    if (hold.status === "open") this.#earliestExpiryMs = Math.min(this.#earliestExpiryMs, hold.expiresAtMs);
  }

  #keepTransaction(transaction: Transaction): void {
    this.#transactions.set(idText(transaction.owner, transaction.id), transaction);
  }
}
