/** The thread of `order-parser.ts`. */
import { parentPort } from "node:worker_threads";
import type { Sent } from "./order-parser.ts";
import { parseOrder } from "./schema.ts";

parentPort?.on("message", ({ bytes, ends }: Sent) => {
  const payloads = Buffer.from(bytes.buffer);
  const parsed = Array.from(ends, (end, index) => parseOrder(payloads.subarray(ends[index - 1] ?? 0, end)));
  parentPort?.postMessage(parsed);
});
