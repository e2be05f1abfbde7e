/** A thread parses like the main thread, and its end loses nothing. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { makeSmallGarbage } from "../../../bench/fill.ts";
import { OrderParser } from "../../../src/domains/orders/order-parser.ts";
import { parseOrder } from "../../../src/domains/orders/schema.ts";
import { OrderFactory, toPayload } from "../../../tools/domains/orders/factory.ts";

const parsing = suite("order-parser");

const factory = new OrderFactory(7);
const payloads = [
  ...Array.from({ length: 150 }, () => toPayload(factory.next())),
  ...makeSmallGarbage(factory, 150),
  Buffer.alloc(0),
];
const expected = payloads.map(parseOrder);

parsing("batches at the same time come back parsed as on the main thread, each its own", async () => {
  const parser = new OrderParser(true);
  const batches = [payloads, payloads.toReversed(), payloads.slice(0, 3), payloads.slice(100)];
  const parsed = await Promise.all(batches.map((batch) => parser.parse(batch)));
  assert.equal(parsed, [expected, expected.toReversed(), expected.slice(0, 3), expected.slice(100)]);
  assert.is(parser.hasThread, true);
});

parsing("if the thread ends, the main thread parses the batch and all later ones", async () => {
  const endsOnMessage = `import { parentPort } from "node:worker_threads";
    parentPort.once("message", () => process.exit(1))`;
  for (const script of [endsOnMessage, "throw new Error('broken')"]) {
    const parser = new OrderParser(true, new URL(`data:text/javascript,${encodeURIComponent(script)}`));
    const parsed = await Promise.all([parser.parse(payloads), parser.parse(payloads)]);
    assert.equal(parsed, [expected, expected]);
    assert.is(parser.hasThread, false);
  }
});

parsing.run();
