/**
 * Commands of a shop: mostly orders, payments and cancellations. Orders soon exceed the stock, because declines are
 * normal.
 */
import { randomBytes } from "node:crypto";
import type { KitMessage, MessageFactory } from "../kit.ts";
import { SeededRandom } from "../random.ts";

export type CommandDocument = Readonly<{ id: string; type: string }> & Record<string, unknown>;

/** Of the first stocks. */
const SKUS = [773297411, 1002, 1003, 1004, 1005, 1076963, 1148162, 139819069, 139818428] as const;

/** Types with weights. */
const MIX = [
  ["order.create", 60],
  ["order.pay", 20],
  ["order.cancel", 15],
  ["stock.put", 5],
] as const;

export class LomsFactory extends SeededRandom implements MessageFactory {
  readonly #run: string;
  #count = 0;
  #orders = 0;

  /** @param run part of every id; random. */
  constructor(seed: number, run = randomBytes(5).toString("hex")) {
    super(seed);
    this.#run = run;
  }

  valid(): KitMessage {
    return messageOf(this.next());
  }

  conflictWith({ payload, key = "" }: KitMessage): KitMessage {
    const becomes = { outcome: "dead", code: "conflict", paths: ["/id"] } as const;
    const changed = changedOf(JSON.parse(payload.toString()));
    return { kind: "conflict", payload: Buffer.from(JSON.stringify(changed)), key, becomes };
  }

  next(): CommandDocument {
    this.#count += 1;
    const id = `${this.#run}-${this.#count}`;
    const type = this.#type();
    switch (type) {
      case "order.create": {
        this.#orders += 1;
        const items = Array.from({ length: this.#upTo(3) }, () => ({
          sku: this.pick(SKUS),
          count: this.#upTo(3),
        }));
        return { id, type, user: String(this.#upTo(1_000)), items };
      }
      case "stock.put": {
        const total = 1_000 * this.#upTo(100);
        return { id, type, sku: this.pick(SKUS), total, reserved: this.#upTo(50) };
      }
      default:
        // Ids follow positions, so this order exists now or soon.
        return { id, type, order: String(this.#upTo(this.#orders + 1)) };
    }
  }

  #type(): (typeof MIX)[number][0] {
    let left = this.random() * MIX.reduce((sum, [, weight]) => sum + weight, 0);
    for (const [type, weight] of MIX) {
      left -= weight;
      if (left < 0) return type;
    }
    return "order.create";
  }

  #upTo(max: number): number {
    return 1 + Math.floor(this.random() * max);
  }
}

function messageOf(command: CommandDocument): KitMessage {
  return {
    kind: "valid",
    payload: Buffer.from(JSON.stringify(command)),
    key: command.id,
    becomes: { outcome: "projected" },
  };
}

/** Changes what answers show. */
function changedOf(command: CommandDocument): CommandDocument {
  switch (command.type) {
    case "order.create":
      return { ...command, items: [...(command.items as object[]), { sku: SKUS[0], count: 9 }] };
    case "order.pay":
      return { ...command, type: "order.cancel" };
    case "order.cancel":
      return { ...command, type: "order.pay" };
    default:
      return { id: command.id, type: "order.pay", order: "1" };
  }
}
