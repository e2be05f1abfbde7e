/**
 * Work on a payload takes linear time, so that other requests do not wait long: 1 MiB of the worst known shapes is
 * compared with a quarter of it.
 */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { mapInTurns } from "../../src/contract/values/in-turns.ts";
import { diffPayloads } from "../../src/deadletter/show/diff.ts";
import { Mask } from "../../src/deadletter/show/mask.ts";
import { viewPayload } from "../../src/deadletter/show/view.ts";
import { orders } from "../../src/domains/orders/index.ts";
import { parseOrder } from "../../src/domains/orders/schema.ts";

const MASK = new Mask(orders);

/** Texts of about `length` characters. */
const SHAPES: Readonly<Record<string, (length: number) => string>> = {
  brackets: (length) => "[".repeat(length),
  "objects that never end": (length) => '{"a":'.repeat(length / 5),
  "arrays in arrays": (length) => "[".repeat(length / 2) + "]".repeat(length / 2),
  numbers: (length) => `[${"0,".repeat(length / 2)}0]`,
  "numbers that end early": (length) => `[${"0,".repeat(length / 2)}`,
  "empty objects": (length) => `{"items":[${"{},".repeat(length / 3)}{}]}`,
  "wrong items": (length) => `{"items":[${"0,".repeat(length / 2)}0]}`,
  "many names": (length) =>
    `{${Array.from({ length: length / 16 }, (_value, index) => `"aB_c ${index}":1`).join(",")}}`,
  "one name": (length) => `{${'"a":1,'.repeat(length / 6)}"a":1}`,
  "one string": (length) => `"${"a".repeat(length)}"`,
  "a string that never ends": (length) => `"${"a".repeat(length)}`,
  quotes: (length) => `"${'\\"'.repeat(length / 2)}"`,
  backslashes: (length) => "\\".repeat(length),
  spaces: (length) => " ".repeat(length),
  "a name and spaces": (length) => `name${" ".repeat(60)}`.repeat(length / 64),
  "a name and quotes": (length) => 'name""""""""'.repeat(length / 12),
  "names without an end": (length) => "name:'".repeat(length / 6),
  addresses: (length) => "a@b ".repeat(length / 4),
  "at signs": (length) => `"${"@".repeat(length)}"`,
  "telephone numbers": (length) => "+1 ((((((((((((((((((((".repeat(length / 23),
};

const WORK: Readonly<Record<string, (text: string) => unknown>> = {
  parse: (text) => parseOrder(Buffer.from(text)),
  view: (text) => {
    const rejection = parseOrder(Buffer.from(text));
    viewPayload(Buffer.from(text), "code" in rejection ? rejection.problems : [], MASK);
  },
  "view of bytes": (text) => viewPayload(Buffer.concat([Buffer.from(text), Buffer.from([0xff])]), [], MASK),
  difference: (text) => {
    const part = text.slice(0, text.length / 5);
    diffPayloads(part, `${part.slice(0, part.length / 2)}1${part.slice(part.length / 2)}`, (shown) =>
      MASK.text(shown),
    );
    diffPayloads(part, [...part].reverse().join(""), (shown) => MASK.text(shown));
  },
};

for (const [name, work] of Object.entries(WORK)) {
  test(`${name}: four times the length takes about four times as long`, () => {
    for (const [shape, textOf] of Object.entries(SHAPES)) {
      let large = cpuMilliseconds(() => work(textOf(MIB)));
      if (large < QUICK_MS) continue;
      const small = cpuMilliseconds(() => work(textOf(MIB / 4)));
      // One measurement may contain compiling or a garbage collection.
      for (let again = 0; again < REPEATS_MAX && large >= 10 * small; again++)
        large = Math.min(
          large,
          cpuMilliseconds(() => work(textOf(MIB))),
        );
      // Quadratic work would take sixteen times as long.
      assert.ok(large < 10 * small, `${shape}: ${small} ms, then ${large} ms`);
      assert.ok(large < BOUND_MS, `${shape}: ${large} ms`);
    }
  });
}

test("others are answered while a batch of the worst messages is read", async () => {
  let turns = 0;
  let isReading = true;
  const count = () => {
    turns += 1;
    if (isReading) setImmediate(count);
  };
  setImmediate(count);
  const payload = Buffer.from("[".repeat(MIB));
  const rejections = await mapInTurns(
    Array.from({ length: 32 }, () => payload),
    parseOrder,
  );
  isReading = false;
  assert.is(
    rejections.filter((rejection) => "code" in rejection && rejection.code === "not_json").length,
    32,
  );
  assert.ok(turns > 3, `${turns} turns`);
});

/** CPU time of the faster of two runs: other processes do not count. */
function cpuMilliseconds(work: () => unknown): number {
  const times = [1, 2].map(() => {
    const begun = process.cpuUsage();
    work();
    const { user, system } = process.cpuUsage(begun);
    return (user + system) / 1000;
  });
  return Math.min(...times);
}

const MIB = 1024 * 1024;

/** Shorter times are not compared: garbage collection would dominate. */
const QUICK_MS = 40;
const REPEATS_MAX = 3;

/** Ten times the duration on a slow machine, a hundredth of the former quadratic one. */
const BOUND_MS = 500;

test.run();
