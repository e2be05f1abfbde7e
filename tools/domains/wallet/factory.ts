/** Commands of a thousand users. Some exceed the balance, because declines are normal. */
import { randomBytes } from "node:crypto";
import type { KitMessage, MessageFactory } from "../kit.ts";
import { SeededRandom } from "../random.ts";

export type CommandDocument = Readonly<{ id: string; type: string; owner: string }> & Record<string, unknown>;

/** None, two and three decimals. */
const DECIMALS = { USD: 2, EUR: 2, RUB: 2, JPY: 0, KWD: 3 } as const;
type Code = keyof typeof DECIMALS;
const CODES = Object.keys(DECIMALS) as Code[];

/** Types with weights. */
const MIX = [
  ["deposit", 45],
  ["withdraw", 20],
  ["transfer", 15],
  ["hold", 10],
  ["capture", 4],
  ["release", 3],
  ["reverse", 3],
] as const;

export class WalletFactory extends SeededRandom implements MessageFactory {
  readonly #run: string;
  readonly #users: number;
  #count = 0;
  /** For later commands. */
  readonly #holds: { owner: string; id: string }[] = [];
  readonly #moved: { owner: string; id: string }[] = [];

  /** @param run part of every id and user; random. */
  constructor(seed: number, run = randomBytes(5).toString("hex"), users = USERS) {
    super(seed);
    this.#run = run;
    this.#users = users;
  }

  valid(): KitMessage {
    return messageOf(this.next());
  }

  conflictWith({ payload, key = "" }: KitMessage): KitMessage {
    const { id, type, owner, ...members } = JSON.parse(payload.toString()) as CommandDocument;
    // Answers show type and amount.
    const change =
      "amount" in members
        ? { type, ...members, amount: `1${members.amount}` }
        : { type: type === "release" ? "capture" : "release", hold: "other" };
    const changed = { id, owner, ...change };
    const becomes = { outcome: "dead", code: "conflict", paths: ["/id"] } as const;
    return { kind: "conflict", payload: Buffer.from(JSON.stringify(changed)), key, becomes };
  }

  next(): CommandDocument {
    this.#count += 1;
    const id = `${this.#run}-${this.#count}`;
    const owner = this.#user();
    const currency = this.pick(CODES);
    const type = this.#type();
    const common = { id, type, owner };
    switch (type) {
      case "deposit":
        this.#remember(this.#moved, { owner, id });
        return { ...common, currency, amount: this.#amount(currency, 1_000) };
      case "withdraw":
        this.#remember(this.#moved, { owner, id });
        return { ...common, currency, amount: this.#amount(currency, 500) };
      case "transfer":
        return { ...common, to: this.#otherThan(owner), currency, amount: this.#amount(currency, 300) };
      case "hold": {
        this.#remember(this.#holds, { owner, id });
        const seconds = 1 + Math.floor(this.random() * 600);
        return { ...common, currency, amount: this.#amount(currency, 300), expires_in_seconds: seconds };
      }
      case "reverse": {
        const { owner: opener, id: transaction } = this.#forget(this.#moved) ?? { owner, id: "none" };
        return { ...common, owner: opener, transaction };
      }
      default: {
        const { owner: opener, id: hold } = this.#forget(this.#holds) ?? { owner, id: "none" };
        return { ...common, owner: opener, hold };
      }
    }
  }

  #type(): (typeof MIX)[number][0] {
    let left = this.random() * MIX.reduce((sum, [, weight]) => sum + weight, 0);
    for (const [type, weight] of MIX) {
      left -= weight;
      if (left < 0) return type;
    }
    return "deposit";
  }

  #user(): string {
    return `${this.#run}-user-${Math.floor(this.random() * this.#users)}`;
  }

  #otherThan(owner: string): string {
    for (;;) {
      const user = this.#user();
      if (user !== owner) return user;
    }
  }

  #amount(currency: Code, max: number): string {
    return (1 + this.random() * max).toFixed(DECIMALS[currency]);
  }

  #remember<T>(list: T[], item: T): void {
    list.push(item);
    if (list.length > REMEMBERED_MAX) list.shift();
  }

  #forget<T>(list: T[]): T | undefined {
    return list.splice(Math.floor(this.random() * list.length), 1)[0];
  }
}

function messageOf(command: CommandDocument): KitMessage {
  return {
    kind: "valid",
    payload: Buffer.from(JSON.stringify(command)),
    key: `${command.owner} ${command.id}`,
    becomes: { outcome: "projected" },
  };
}

const USERS = 1_000;
const REMEMBERED_MAX = 1_000;
