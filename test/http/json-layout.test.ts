/** The layout of JSON on the pages: only white space changes, in valid and in broken text. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { layOut as layOutLines } from "../../src/deadletter/show/layout.ts";
import { Mask } from "../../src/deadletter/show/mask.ts";
import { viewPayload } from "../../src/deadletter/show/view.ts";
import { randomOf } from "../support/random.ts";

type Row = Readonly<{ children?: Row[] }>;
type Rows = Readonly<{ rows: Row[]; top: Row[] }>;
type Layout = Readonly<{
  readRows(text: string, within?: unknown): Rows | undefined;
  layOut(text: string): string | undefined;
  pointerOf(row: Row): string;
  valueText(read: Rows, row: Row): string;
}>;
// A script of the page has no types.
const { readRows, layOut, pointerOf, valueText }: Layout = await import(
  new URL("../../src/http/ui/json-layout.js", import.meta.url).href
);

const withoutSpace = (text: string) => text.replace(/[ \t\r\n]/g, "");

/** A document with white space anywhere, names that stand twice, escapes, and numbers that JavaScript rounds. */
function randomDocument(random: () => number, isRepeating: boolean): string {
  const pick = <T>(values: readonly T[]) => values[Math.floor(random() * values.length)] as T;
  const space = () => pick(["", "", "", " ", "\n", "\t\r\n  "]);
  const text = () =>
    pick(['"a b"', '"\\u0061\\n"', '"{[:,"', '"é\u00a0\\""', '""', '"a/b~c"', '"\\\\"', '"\ufeff"']);
  let names = 0;
  const name = () => (isRepeating ? text() : `"n ${names++}/~"`);
  const value = (depth: number): string => {
    const kind = depth > 4 ? 0 : Math.floor(random() * 4);
    if (kind === 1 || kind === 2) {
      const parts = Array.from({ length: Math.floor(random() * 4) }, () =>
        kind === 1
          ? `${space()}${value(depth + 1)}${space()}`
          : `${space()}${name()}${space()}:${space()}${value(depth + 1)}${space()}`,
      );
      const content = parts.length > 0 ? parts.join(",") : space();
      return kind === 1 ? `[${content}]` : `{${content}}`;
    }
    return pick([text(), "1.0", "-0", "1e400", "12345678901234567890.10", "true", "null", "false"]);
  };
  return `${space()}{"first"${space()}:${value(0)},${name()}:${value(0)}}${space()}`;
}

function broken(text: string, random: () => number): string {
  const at = 1 + Math.floor(random() * text.length);
  const inserted = ['"', "{", "]", ",", ":", " oops ", "\\", "\u0001", "}}}"][Math.floor(random() * 9)];
  return random() < 0.3 ? text.slice(0, at) : text.slice(0, at) + inserted + text.slice(at + (at % 2));
}

const seed = Math.floor(Math.random() * 2 ** 31);

test(`laid out and without white space, a text is what it was, broken or not (seed ${seed})`, () => {
  const random = randomOf(seed);
  for (let run = 0; run < 2_000; run++) {
    const valid = randomDocument(random, true);
    const text = run % 2 === 0 ? valid : broken(valid, random);
    for (const shown of [
      layOut(text),
      layOutLines(text, 100_000)
        ?.map((line) => line.text)
        .join("\n"),
    ]) {
      if (shown === undefined) assert.not.match(text, /^\s*[{[]/);
      else assert.is(withoutSpace(shown), withoutSpace(text), JSON.stringify(text));
    }
    if (text === valid) assert.equal(JSON.parse(layOut(text) as string), JSON.parse(text));
  }
});

test(`each row has the pointer and the text of its value, also in a part of the document (seed ${seed})`, () => {
  const random = randomOf(seed + 1);
  let parts = 0;
  for (let run = 0; run < 300; run++) {
    const text = randomDocument(random, false);
    const read = readRows(text) as Rows;
    const values = new Map(read.rows.map((row) => [pointerOf(row), valueText(read, row)]));
    assert.is(values.size, read.rows.length);
    for (const [pointer, value] of values) assert.equal(JSON.parse(value), valueAt(text, pointer), pointer);
    assert.is(values.size, countOf(JSON.parse(text)));

    const from = Math.floor(random() * text.length);
    const { payload } = viewPayload(Buffer.from(text), [], Mask.none, from);
    if (!payload.within) continue;
    parts += 1;
    const part = readRows(payload.content, payload.within) as Rows;
    for (const row of part.rows) {
      const value = valueText(part, row);
      const whole = values.get(pointerOf(row));
      assert.ok(whole !== undefined, `${pointerOf(row)} from ${from} of ${text}`);
      if (!row.children) assert.is(value, whole);
    }
  }
  assert.ok(parts > 100, String(parts));
});

test("a missing comma or bracket moves no later member to another line's end", () => {
  assert.is(layOut('{"a":1 "b":{"c":2} "d":3}'), '{\n  "a": 1\n  "b": {\n    "c": 2\n  }\n  "d": 3\n}');
  assert.is(layOut('{"a":[1,2,"b":3}'), '{\n  "a": [\n    1,\n    2,\n    "b": 3\n  }');
  assert.is(layOut("[]]"), "[]]");
});

test("what is no object or array, too deep or too much for a page is not laid out", () => {
  assert.is(layOut("hello, is this on?"), undefined);
  assert.is(layOut(""), undefined);
  assert.is(layOut("[".repeat(101)), undefined);
  assert.is(layOut(`[${"0,".repeat(200_000)}0]`), undefined);
  assert.ok(layOut("[".repeat(100) + "]".repeat(100)));
});

function valueAt(text: string, pointer: string): unknown {
  let value = JSON.parse(text);
  for (const step of pointer.split("/").slice(1)) {
    value = value[step.replaceAll("~1", "/").replaceAll("~0", "~")];
  }
  return value;
}

function countOf(value: unknown): number {
  if (typeof value !== "object" || value === null) return 1;
  return Object.values(value).reduce((sum: number, member) => sum + countOf(member), 1);
}

test.run();
