/** Messages for the cart: few users, so that their commands meet, with every kind of mistake among them. */
import type { Message } from "../../../src/contract/message.ts";
import { CartFactory } from "../../../tools/domains/cart/factory.ts";
import { cartKit } from "../../../tools/domains/cart/index.ts";
import { makeLoad } from "../../../tools/publisher/load.ts";
import { messageOf } from "../messages.ts";

export function cartMessage(payload: Buffer | object): Message {
  const bytes = Buffer.isBuffer(payload) ? payload : JSON.stringify(payload);
  return messageOf(bytes, { channel: "cart" });
}

export function validCartCommands(count: number): Message[] {
  const factory = new CartFactory(1, "valid", 3);
  return Array.from({ length: count }, () => cartMessage(factory.next()));
}

/** For three users, with garbage, duplicates and conflicts. */
export function cartMessages(count: number, seed: number): Message[] {
  const load = makeLoad(cartKit, new CartFactory(seed, `seed${seed}`, 3), count, MIX);
  return [...load].map(({ payload }) => cartMessage(payload));
}

const MIX = { garbage: 0.15, duplicates: 0.1, conflicts: 0.1 };
