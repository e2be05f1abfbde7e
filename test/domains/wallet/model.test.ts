/** Random commands against a naive wallet that sums a list of postings, without shared code. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { WalletFactory } from "../../../tools/domains/wallet/factory.ts";
import { randomOf } from "../../support/random.ts";
import { CURRENCY_PUTS } from "../../support/wallet/messages.ts";
import { type Asked, WalletInMemory } from "../../support/wallet/wallet.ts";

const SEED = Number(process.env.WAYBILL_TEST_SEED ?? Math.floor(Math.random() * 2 ** 31));
const compare = suite(`a naive wallet (seed ${SEED})`);

compare("decides the same, and has the same balances after every command", () => {
  const random = randomOf(SEED);
  const reasons = new Set<string>();
  const isAllSeen = () => SEEN.every((kind) => reasons.has(kind));
  for (let run = 0; run < RUNS || (run < RUNS_MAX && !isAllSeen()); run++) {
    const factory = new WalletFactory(SEED + run, "r", 3);
    const wallet = new WalletInMemory();
    const naive = new NaiveWallet();
    for (const command of CURRENCY_PUTS) wallet.ask(command as Asked);
    for (let count = 0, at = 0; count < COMMANDS; count++) {
      at += Math.floor(random() * 30);
      const command = { ...twisted(factory.next(), random), at } as Asked & Record<string, string>;
      const { transaction } = wallet.ask(command);
      const expected = naive.ask(command, at);
      assert.is(transaction.reason, expected, `${run}/${count}: ${JSON.stringify(command)}`);
      reasons.add(`${command.type} ${expected}`);
      assertSameBalances(wallet, naive, `${run}/${count}`);
    }
  }
  // All of these must have occurred.
  for (const kind of SEEN) assert.ok(reasons.has(kind), `never seen: ${kind}`);
});

compare.run();

function assertSameBalances(wallet: WalletInMemory, naive: NaiveWallet, when: string): void {
  for (const owner of ["r-user-0", "r-user-1", "r-user-2"]) {
    for (const currency of Object.keys(DECIMALS)) {
      for (const kind of ["available", "held"] as const) {
        const { balance } = wallet.state.account({ owner, currency, kind });
        assert.is(balance, naive.balance(owner, currency, kind), `${when}: ${owner} ${currency} ${kind}`);
      }
    }
  }
}

/** Too many decimals, partial amounts, other users' holds and transactions. */
function twisted(command: object, random: () => number): object {
  const { type, amount } = command as { type: string; amount?: string };
  if (amount !== undefined && random() < 0.05)
    return { ...command, amount: `${amount}${amount.includes(".") ? "" : "."}0` };
  if ((type === "capture" || type === "reverse") && random() < 0.7)
    return { ...command, amount: String(1 + Math.floor(random() * 200)) };
  if (type === "withdraw" && random() < 0.5)
    return { ...command, amount: String(500 + Math.floor(random() * 2_000)) };
  if (random() < 0.02) return { ...command, owner: "r-user-0" };
  return command;
}

type Entry = Readonly<{ owner: string; currency: string; kind: string; amount: bigint }>;
type Item = { owner: string; currency: string; amount: bigint; left: bigint };

class NaiveWallet {
  readonly #entries: Entry[] = [];
  readonly #holds = new Map<string, Item & { due: number; isOpen: boolean }>();
  readonly #done = new Map<string, Item & { type: string; reason: string | undefined }>();

  balance(owner: string, currency: string, kind: string): bigint {
    return this.#entries
      .filter((one) => one.owner === owner && one.currency === currency && one.kind === kind)
      .reduce((sum, { amount }) => sum + amount, 0n);
  }

  /** @returns the reason of a decline. */
  ask(command: Record<string, unknown>, now: number): string | undefined {
    for (const hold of this.#holds.values()) {
      if (!hold.isOpen || hold.due > now) continue;
      this.#move(hold, "held", "available", hold.left);
      hold.left = 0n;
      hold.isOpen = false;
    }
    const { type, id, owner } = command as Record<string, string>;
    const item = { owner, currency: command.currency, amount: 0n, left: 0n } as Item;
    const reason = this.#decide(command as Record<string, string>, item, now);
    this.#done.set(`${owner} ${id}`, { ...item, type: type as string, reason });
    return reason;
  }

  #decide(command: Record<string, string>, item: Item, now: number): string | undefined {
    const { type, id, owner = "", to = "", currency = "" } = command;
    if (type === "capture" || type === "release") {
      const hold = this.#holds.get(`${owner} ${command.hold}`);
      if (!hold) return "hold_not_found";
      Object.assign(item, { currency: hold.currency });
      if (!hold.isOpen) return "hold_closed";
      const amount = type === "release" ? hold.left : minor(command.amount, hold.currency, hold.left);
      if (amount === undefined) return "amount_precision";
      if (amount > hold.left) return "exceeds_hold";
      Object.assign(item, { amount, left: amount });
      this.#move(hold, "held", type === "release" ? "available" : undefined, amount);
      hold.left -= amount;
      if (hold.left === 0n) hold.isOpen = false;
      return undefined;
    }
    if (type === "reverse") {
      const original = this.#done.get(`${owner} ${command.transaction}`);
      if (!original) return "transaction_not_found";
      if (original.reason || !["deposit", "withdraw", "capture", "transfer"].includes(original.type))
        return "not_reversible";
      if (original.type === "transfer") return "not_owner";
      if (original.left === 0n) return "already_reversed";
      const amount = minor(command.amount, original.currency, original.left);
      if (amount === undefined) return "amount_precision";
      if (amount > original.left) return "exceeds_original";
      const isDeposit = original.type === "deposit";
      if (isDeposit && this.balance(owner, original.currency, "available") < amount)
        return "insufficient_funds";
      this.#move(original, isDeposit ? "available" : undefined, isDeposit ? undefined : "available", amount);
      original.left -= amount;
      return undefined;
    }
    if (type === "transfer" && owner === to) return "self_transfer";
    const amount = minor(command.amount, currency, 0n);
    if (amount === undefined) return "amount_precision";
    if (type !== "deposit" && this.balance(owner, currency, "available") < amount)
      return "insufficient_funds";
    Object.assign(item, { amount, left: amount });
    if (type === "deposit") this.#move(item, undefined, "available", amount);
    if (type === "withdraw") this.#move(item, "available", undefined, amount);
    if (type === "transfer") {
      this.#move(item, "available", undefined, amount);
      this.#move({ ...item, owner: to }, undefined, "available", amount);
    }
    if (type === "hold") {
      this.#move(item, "available", "held", amount);
      const due = now + Number(command.expires_in_seconds);
      this.#holds.set(`${owner} ${id}`, { ...item, due, isOpen: true });
    }
    return undefined;
  }

  #move({ owner, currency }: Item, from: string | undefined, to: string | undefined, amount: bigint): void {
    if (from) this.#entries.push({ owner, currency, kind: from, amount: -amount });
    if (to) this.#entries.push({ owner, currency, kind: to, amount });
  }
}

function minor(text: string | undefined, currency: string, whole: bigint): bigint | undefined {
  if (text === undefined) return whole;
  const decimals = DECIMALS[currency] as number;
  const given = text.includes(".") ? text.length - text.indexOf(".") - 1 : 0;
  if (given > decimals) return undefined;
  return BigInt(text.replace(".", "")) * 10n ** BigInt(decimals - given);
}

const DECIMALS: Readonly<Record<string, number>> = { USD: 2, EUR: 2, RUB: 2, JPY: 0, KWD: 3 };
const RUNS = 20;
/** Far more than the rarest case needs. */
const RUNS_MAX = 300;
const COMMANDS = 200;
const SEEN = [
  ...["deposit", "withdraw", "transfer", "hold", "capture", "release", "reverse"].map(
    (type) => `${type} undefined`,
  ),
  ...["withdraw", "transfer", "hold", "reverse"].map((type) => `${type} insufficient_funds`),
  "deposit amount_precision",
  "capture exceeds_hold",
  "capture hold_closed",
  "reverse exceeds_original",
  "reverse not_reversible",
];
