/** Messages for products: few SKUs, so that commands replace each other, with every kind of mistake among them. */
import type { Message } from "../../../src/contract/message.ts";
import { ProductFactory } from "../../../tools/domains/product/factory.ts";
import { productKit } from "../../../tools/domains/product/index.ts";
import { makeLoad } from "../../../tools/publisher/load.ts";
import { messageOf } from "../messages.ts";

export function put(id: string, sku: number, name: string, price: number): Message {
  return putMessage(JSON.stringify({ id, type: "product.put", sku, name, price }));
}

export function validProducts(count: number): Message[] {
  return Array.from({ length: count }, (_none, index) => put(`valid-${index}`, 1 + (index % 7), "A", 1));
}

/** For a few SKUs, with garbage, duplicates and conflicts. */
export function productMessages(count: number, seed: number): Message[] {
  const load = makeLoad(productKit, new ProductFactory(seed, `seed${seed}`), count, MIX);
  return [...load].map(({ payload }) => putMessage(withFewSkus(payload)));
}

function putMessage(payload: Buffer | string): Message {
  return messageOf(payload, { channel: "product" });
}

/** Bytes that are not a command stay unchanged. */
function withFewSkus(payload: Buffer): Buffer {
  const text = payload.toString("latin1");
  return Buffer.from(text.replace(/"sku":\d*(\d),/, '"sku":$1,'), "latin1");
}

const MIX = { garbage: 0.2, duplicates: 0.2, conflicts: 0.1 };
