/**
 * No payload of the largest size blocks the event loop for long: the longest turn, in the projection and in the requests that
 * show a letter, is compared with the parsing of ordinary orders in the same run.
 */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { ORDER_BYTES_MAX } from "../../src/domains/orders/schema.ts";
import { createDatabase } from "../support/database.ts";
import { startInProcess } from "../support/service.ts";
import { largeOrdersMs, leastTurn } from "../support/turns.ts";

const shapes = suite("worst shapes");
const database = await createDatabase();
const service = await startInProcess(database, { DOMAINS: "orders", SOURCES: "http" });

/** Elements, as many as fit between two brackets. */
function filled([open, close]: string, elementAt: (index: number) => string): string {
  const elements: string[] = [];
  let length = 2;
  for (let index = 0; ; index++) {
    const element = elementAt(index);
    length += element.length + 1;
    if (length > ORDER_BYTES_MAX) return open + elements.join() + close;
    elements.push(element);
  }
}

const name = (index: number) => `"k${index.toString(36)}":1`;
const ten = (first: number) => Array.from({ length: 10 }, (_none, index) => name(first + index)).join();
/** Any of a thousand names, in an order that does not repeat. */
const scattered = (index: number) =>
  `{${Array.from({ length: 5 }, (_none, step) => name(100 * step + ((index * (7 + 6 * step)) % 100))).join()}}`;

const SHAPES: Readonly<Record<string, readonly [payload: string, rule: string]>> = {
  "new names in one object": [filled("{}", name), "names_max"],
  "new names in many objects": [filled("[]", (index) => `{${ten(10 * index)}}`), "names_max"],
  "a new name in each object": [filled("[]", (index) => `{${name(index)}}`), "names_max"],
  "new names on many levels": [
    filled(
      "[]",
      (index) =>
        `${Array.from({ length: 50 }, (_none, level) => `{"k${(50 * index + level).toString(36)}":`).join("")}1${"}".repeat(50)}`,
    ),
    "names_max",
  ],
  "new names, and broken at the end": [filled("{}", name).slice(0, -1), "json"],
  "few names in new sequences": [filled("[]", scattered), "type"],
  "one name again and again": [filled("{}", () => '"a":1'), "unique_name"],
  "empty objects": [filled("[]", () => "{}"), "type"],
  "empty arrays": [filled("[]", () => "[]"), "type"],
  "arrays on many levels": [filled("[]", () => "[".repeat(60) + "]".repeat(60)), "type"],
  "objects on many levels": [filled("[]", () => `${'{"a":'.repeat(60)}1${"}".repeat(60)}`), "type"],
  "open brackets": ["[".repeat(ORDER_BYTES_MAX), "json"],
  brackets: ["[".repeat(ORDER_BYTES_MAX / 2) + "]".repeat(ORDER_BYTES_MAX / 2), "nesting_max"],
  "whole numbers": [filled("[]", () => "1"), "type"],
  "numbers that would be rounded": [filled("[]", () => "1e-999"), "type"],
  "one number": [`0.${"0".repeat(ORDER_BYTES_MAX - 3)}1`, "type"],
  "one string": [`"${"a".repeat(ORDER_BYTES_MAX - 2)}"`, "type"],
  "new strings": [filled("[]", (index) => `"${index.toString(36)}"`), "type"],
  "numbers, and half a surrogate pair at the end": [
    filled("[]", () => "1").replace(/(1,){9}1]$/, '"\\ud800"]'),
    "unicode",
  ],
};

const ask = (path: string, init?: RequestInit) => fetch(`${service.url}${path}`, init);

for (const [shape, [payload, rule]] of Object.entries(SHAPES)) {
  shapes(`${shape}: no turn takes longer than the reading of twenty large orders`, async () => {
    assert.ok(
      payload.length <= ORDER_BYTES_MAX && payload.length > ORDER_BYTES_MAX * 0.99,
      "almost too large",
    );
    const limit = largeOrdersMs();
    let position = "";
    const projecting = await leastTurn(limit, async () => {
      const response = await ask("/orders", { method: "POST", body: payload });
      ({ position } = (await response.json()) as { position: string });
      await ask(`/messages/${position}?wait=30`);
    });
    assert.ok(projecting < limit, `${projecting} ms in the projection, and ${limit} ms for ordinary orders`);
    const letter = (await (await ask(`/deadletters/${position}`)).json()) as { errors: { rule: string }[] };
    assert.is(letter.errors[0]?.rule, rule);
    const post = { method: "POST", body: "{}" };
    for (const [path, init] of [
      [`/deadletters/${position}`],
      [`/messages/${position}`],
      [`/deadletters/${position}/reveal`, post],
      [`/deadletters/${position}/redrive?dryRun=true`, post],
    ] as const) {
      const showing = await leastTurn(limit, async () => {
        const response = await ask(path, init);
        // An unread body keeps its connection open.
        assert.is(response.status, 200, `${path}: ${(await response.text()).slice(0, 200)}`);
      });
      assert.ok(showing < limit, `${showing} ms in ${path}, and ${limit} ms for ordinary orders`);
    }
  });
}

shapes.after(async () => {
  await service[Symbol.asyncDispose]();
  await database[Symbol.asyncDispose]();
});
shapes.run();
