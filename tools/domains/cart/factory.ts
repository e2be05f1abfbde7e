/**
 * Commands of some users: mostly additions, and checkouts that succeed or fail. Some exceed the stock, because
 * declines are normal.
 */
import { createHash, randomBytes } from "node:crypto";
import type { KitMessage, MessageFactory } from "../kit.ts";
import { SeededRandom } from "../random.ts";

export type CommandDocument = Readonly<{ id: string; type: string; user: string }> & Record<string, unknown>;

/** Types with weights. */
const MIX = [
  { value: "item.add", weight: 60 },
  { value: "item.delete", weight: 6 },
  { value: "clear", weight: 3 },
  { value: "checkout.begin", weight: 16 },
  { value: "checkout.done", weight: 10 },
  { value: "checkout.failed", weight: 5 },
] as const;
type Type = (typeof MIX)[number]["value"];

export class CartFactory extends SeededRandom implements MessageFactory {
  readonly #run: string;
  readonly #users: number;
  /** Runs never share orders. */
  readonly #firstOrder: bigint;
  #count = 0;
  /** In progress. */
  readonly #begun: { user: string; id: string }[] = [];

  /** @param run part of every id; random. */
  constructor(seed: number, run = randomBytes(5).toString("hex"), users = USERS) {
    super(seed);
    this.#run = run;
    this.#users = users;
    this.#firstOrder = BigInt(createHash("sha256").update(run).digest().readUInt32BE()) << 20n;
  }

  valid(): KitMessage {
    const command = this.next();
    return {
      kind: "valid",
      payload: Buffer.from(JSON.stringify(command)),
      key: command.id,
      becomes: { outcome: "projected" },
    };
  }

  conflictWith({ payload, key = "" }: KitMessage): KitMessage {
    const command = JSON.parse(payload.toString()) as CommandDocument;
    const changed = { ...command, user: String(BigInt(command.user) + 1n) };
    const becomes = { outcome: "dead", code: "conflict", paths: ["/id"] } as const;
    return { kind: "conflict", payload: Buffer.from(JSON.stringify(changed)), key, becomes };
  }

  next(): CommandDocument {
    this.#count += 1;
    const id = `${this.#run}-${this.#count}`;
    const user = String(31_337 + Math.floor(this.random() * this.#users));
    const type = this.#type();
    switch (type) {
      case "item.add": {
        const count = 1 + Math.floor(this.random() * 3);
        return { id, type, user, sku: this.pick(SKUS), count, available: this.pick(["1", "10", "500"]) };
      }
      case "item.delete":
        return { id, type, user, sku: this.pick(SKUS) };
      case "checkout.begin":
        this.#begun.push({ user, id });
        return { id, type, user };
      case "checkout.done": {
        const { id: checkout, user: buyer } = this.#end();
        const order = String(this.#firstOrder + BigInt(this.#count));
        return { id: `${checkout} done`, type, user: buyer, checkout, order };
      }
      case "checkout.failed": {
        const { id: checkout, user: buyer } = this.#end();
        const status = "FAILED_PRECONDITION";
        return { id: `${checkout} failed`, type, user: buyer, checkout, status, message: "too little stock" };
      }
      default:
        return { id, type, user };
    }
  }

  #type(): Type {
    const type = this.faker.helpers.weightedArrayElement(MIX);
    const isEnd = type === "checkout.done" || type === "checkout.failed";
    return isEnd && this.#begun.length === 0 ? "item.add" : type;
  }

  #end(): { user: string; id: string } {
    const [ended] = this.#begun.splice(Math.floor(this.random() * this.#begun.length), 1);
    return ended as { user: string; id: string };
  }
}

const USERS = 200;
const SKUS = [773297411, 1002, 1003, 1004, 1005, 1076963, 1148162, 139819069, 2958025] as const;
