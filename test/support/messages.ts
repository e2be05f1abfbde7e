/** Messages and orders for tests. */
import { readFileSync } from "node:fs";
import type { Message } from "../../src/contract/message.ts";
import { OrderFactory, toPayload } from "../../tools/domains/orders/factory.ts";
import { ordersKit } from "../../tools/domains/orders/index.ts";
import { makeLoad } from "../../tools/publisher/load.ts";

/** The specification's example order. */
export const MODEL = JSON.parse(readFileSync(new URL("model.json", import.meta.url), "utf8"));

export function orderWith(change: object): Buffer {
  return toPayload({ ...MODEL, ...change });
}

let count = 0;

/** A message with a new id. */
export function messageOf(payload: Buffer | string, change: Partial<Message> = {}): Message {
  count += 1;
  const bytes = Buffer.isBuffer(payload) ? payload : Buffer.from(payload);
  return {
    source: "test",
    channel: "orders",
    messageId: `${process.pid}-${count}`,
    payload: bytes,
    publishedAtMs: Date.now(),
    ...change,
  };
}

export function validOrders(count: number): Message[] {
  return Array.from({ length: count }, (_none, index) =>
    messageOf(orderWith({ order_uid: `valid ${index}` })),
  );
}

/** Orders with garbage, duplicates and conflicts. */
export function mixedMessages(count: number, seed = 7): Message[] {
  const load = makeLoad(ordersKit, new OrderFactory(seed, `seed${seed}`), count, MIX);
  return [...load].map(({ payload }) => messageOf(payload));
}

const MIX = { garbage: 0.2, duplicates: 0.2, conflicts: 0.1 };
