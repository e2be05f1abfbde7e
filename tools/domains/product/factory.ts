/** Each command has a new SKU and id. */
import { createHash, randomBytes } from "node:crypto";
import { faker as english } from "@faker-js/faker/locale/en";
import type { KitMessage, MessageFactory } from "../kit.ts";
import { SeededRandom, seededFaker } from "../random.ts";

export class ProductFactory extends SeededRandom implements MessageFactory {
  readonly #run: string;
  readonly #firstSku: number;
  #count = 0;

  /** @param run part of every id, and start of the SKUs; random. */
  constructor(seed: number, run = randomBytes(5).toString("hex")) {
    super(seed, seededFaker(seed, english));
    this.#run = run;
    this.#firstSku = createHash("sha256").update(run).digest().readUInt32BE();
  }

  valid(): KitMessage {
    this.#count += 1;
    const command = {
      id: `${this.#run}-${this.#count}`,
      type: "product.put",
      sku: ((this.#firstSku + this.#count) % SKU_MAX) + 1,
      name: this.faker.commerce.productName(),
      price: 1 + Math.floor(this.random() * 20_000),
    };
    return {
      kind: "valid",
      payload: Buffer.from(JSON.stringify(command)),
      key: String(command.sku),
      becomes: { outcome: "projected" },
    };
  }

  conflictWith({ payload, key = "" }: KitMessage): KitMessage {
    const command = JSON.parse(payload.toString());
    const changed = { ...command, price: command.price + 1 };
    const becomes = { outcome: "dead", code: "conflict", paths: ["/id"] } as const;
    return { kind: "conflict", payload: Buffer.from(JSON.stringify(changed)), key, becomes };
  }
}

const SKU_MAX = 2 ** 32 - 1;
