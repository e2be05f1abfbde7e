/** Messages and orders for tests. */
import { readFileSync } from "node:fs";
import type { Message } from "../../src/inbox/message.ts";
import { toPayload } from "../../tools/publisher/load.ts";

/** The example order of the specification. */
export const MODEL = JSON.parse(readFileSync(new URL("model.json", import.meta.url), "utf8"));

export function orderWith(change: object): Buffer {
  return toPayload({ ...MODEL, ...change });
}

let count = 0;

/** A message with an id of its own. */
export function messageOf(payload: Buffer | string, change: Partial<Message> = {}): Message {
  count += 1;
  const bytes = Buffer.isBuffer(payload) ? payload : Buffer.from(payload);
  return {
    source: "test",
    channel: "orders",
    messageId: `${process.pid}-${count}`,
    payload: bytes,
    publishedAt: Date.now(),
    ...change,
  };
}
