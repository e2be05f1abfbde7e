/** Transformations of payloads: simple steps keep all other bytes, and expressions are bounded. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { parseExactly } from "../../src/contract/values/exact-json.ts";
import { applyStep, StepFailure } from "../../src/deadletter/transform/edit.ts";
import { readSteps, type SimpleStep, type Step } from "../../src/deadletter/transform/steps.ts";
import { suggestSteps } from "../../src/deadletter/transform/suggest.ts";
import { Transformer } from "../../src/deadletter/transform/transformer.ts";
import { createLogger } from "../../src/telemetry/logger.ts";
import { errorOf } from "../support/error.ts";
import { randomOf } from "../support/random.ts";

const transform = suite("transform");
const BYTES_MAX = 100_000;

/** @returns the new text, or the rule that the step breaks. */
function after(document: string, step: object): string {
  try {
    return applyStep(document, step as SimpleStep, BYTES_MAX).text;
  } catch (error) {
    if (error instanceof StepFailure) return `${error.problem.path} ${error.problem.rule}`;
    throw error;
  }
}

/** Given a document, when a step is applied, then this is the result. */
const EXAMPLES: readonly (readonly [given: string, when: object, then: string])[] = [
  // set
  ['{"a": 1.10, "b": "x"}', { op: "set", path: "/b", value: 2 }, '{"a": 1.10, "b": 2}'],
  ['{"a":1}', { op: "set", path: "/b", value: [1, { c: null }] }, '{"a":1,"b":[1,{"c":null}]}'],
  ['{\n  "a" : 1\n}', { op: "set", path: "/b", value: "é" }, '{\n  "a" : 1,\n  "b" : "é"\n}'],
  ["{ }", { op: "set", path: "/b", value: 1 }, '{"b":1 }'],
  ['{"a":{}}', { op: "set", path: "/x/y", value: 1 }, '{"a":{}}'],
  ["[1, 2]", { op: "set", path: "/-", value: 3 }, "[1, 2, 3]"],
  ["[1, 2]", { op: "set", path: "/2", value: 3 }, "[1, 2, 3]"],
  ["[1, 2]", { op: "set", path: "/5", value: 3 }, "[1, 2]"],
  ["[]", { op: "set", path: "/0", value: 3 }, "[3]"],
  ["7", { op: "set", path: "", value: {} }, "{}"],
  ['{"a":1, "a":2}', { op: "set", path: "/a", value: 3 }, '{"a":3, "a":3}'],
  ['{"a/b":1,"c~":2}', { op: "set", path: "/a~1b", value: 3 }, '{"a/b":3,"c~":2}'],
  ['{"#":1,"*":2}', { op: "set", path: "/#", value: 3 }, '{"#":3,"*":2}'],
  ['{"\\u0061":1}', { op: "set", path: "/a", value: 2 }, '{"\\u0061":2}'],
  // remove
  ['{"a":1,"b":2,"c":3}', { op: "remove", path: "/a" }, '{"b":2,"c":3}'],
  ['{"a":1,"b":2,"c":3}', { op: "remove", path: "/b" }, '{"a":1,"c":3}'],
  ['{"a":1,"b":2,"c":3}', { op: "remove", path: "/c" }, '{"a":1,"b":2}'],
  ['{ "a":1 }', { op: "remove", path: "/a" }, "{  }"],
  ['{"a":1,"b":2,"a":3}', { op: "remove", path: "/a" }, '{"b":2}'],
  ["[1, 2, 3]", { op: "remove", path: "/#" }, "[]"],
  ['[{"a":1,"b":2}, {"b":2}, 5]', { op: "remove", path: "/*/b" }, '[{"a":1}, {}, 5]'],
  ['{"a":1}', { op: "remove", path: "/b/c" }, '{"a":1}'],
  // rename
  ['{"a" : 1.0,"b":2}', { op: "rename", path: "/a", to: 'q"' }, '{"q\\"" : 1.0,"b":2}'],
  ['[{"a":1},{"c":1}]', { op: "rename", path: "/#/a", to: "b" }, '[{"b":1},{"c":1}]'],
  ['{"a":1,"b":2}', { op: "rename", path: "/a", to: "b" }, "/a unique_name"],
  ["[1]", { op: "rename", path: "/0", to: "b" }, "/0 rename"],
  // cast
  ['{"a":"12"}', { op: "cast", path: "/a", to: "number" }, '{"a":12}'],
  ['{"a":" 1.10 "}', { op: "cast", path: "/a", to: "number" }, '{"a":1.10}'],
  ['{"a":12345678901234567890}', { op: "cast", path: "/a", to: "number" }, '{"a":12345678901234567890}'],
  ['{"a":12345678901234567890}', { op: "cast", path: "/a", to: "string" }, '{"a":"12345678901234567890"}'],
  ['{"a":"012"}', { op: "cast", path: "/a", to: "number" }, "/a cast"],
  ['{"a":"12,5"}', { op: "cast", path: "/a", to: "number" }, "/a cast"],
  ['{"a":""}', { op: "cast", path: "/a", to: "number" }, "/a cast"],
  ['{"a":null}', { op: "cast", path: "/a", to: "number" }, "/a cast"],
  ['{"a":"12.00"}', { op: "cast", path: "/a", to: "integer" }, '{"a":12}'],
  ['{"a":-1.5e1}', { op: "cast", path: "/a", to: "integer" }, '{"a":-15}'],
  ['{"a":0.0}', { op: "cast", path: "/a", to: "integer" }, '{"a":0}'],
  ['{"a":"12.5"}', { op: "cast", path: "/a", to: "integer" }, "/a cast"],
  ['{"a":1e99}', { op: "cast", path: "/a", to: "integer" }, "/a cast"],
  ['{"a":true}', { op: "cast", path: "/a", to: "string" }, '{"a":"true"}'],
  ['{"a":"\\u0078"}', { op: "cast", path: "/a", to: "string" }, '{"a":"\\u0078"}'],
  ['{"a":[]}', { op: "cast", path: "/a", to: "string" }, "/a cast"],
  ['{"a":"true"}', { op: "cast", path: "/a", to: "boolean" }, '{"a":true}'],
  ['{"a":1}', { op: "cast", path: "/a", to: "boolean" }, "/a cast"],
  ['"{\\"a\\": 1.10}"', { op: "cast", path: "", to: "json" }, '{"a": 1.10}'],
  ['{"a":"{"}', { op: "cast", path: "/a", to: "json" }, "/a cast"],
  [
    '{"a":[{"p":"1"},{"p":2},{}]}',
    { op: "cast", path: "/a/#/p", to: "number" },
    '{"a":[{"p":1},{"p":2},{}]}',
  ],
];

transform("simple steps change the named places", () => {
  for (const [given, when, then] of EXAMPLES)
    assert.is(after(given, when), then, `${given} ${JSON.stringify(when)}`);
});

transform("a value that is set keeps its digits", () => {
  const steps = readSteps(parseExactly('[{"op":"set","path":"/a","value":[1.10,12345678901234567890,1e2]}]'));
  assert.is(JSON.stringify(steps), '[{"op":"set","path":"/a","value":[1.10,12345678901234567890,1e2]}]');
  assert.is(after("{}", steps[0] as Step), '{"a":[1.10,12345678901234567890,1e2]}');
});

transform("a result that is too long is refused", () => {
  const document = `[${"0,".repeat(1_000)}0]`;
  assert.is(after(document, { op: "set", path: "/#", value: "x".repeat(1_000) }), " bytes_max");
});

const run = Math.floor(Math.random() * 2 ** 31);
transform(`members that no step names keep their bytes, for random documents of seed ${run}`, () => {
  const random = randomOf(run);
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] as T;
  const space = () => pick(["", "", " ", "\n\t", "\r\n  "]);
  const scalar = () =>
    pick(["1.10", "-0", "12345678901234567890", "1E+2", '"\\u00e9\\/"', '"a\\"b"', "true", "null"]);
  const value = (depth: number): string => {
    if (depth === 0 || random() < 0.4) return scalar();
    const inner = Array.from({ length: Math.floor(random() * 4) }, () => value(depth - 1));
    if (random() < 0.5) return `[${space()}${inner.join(`${space()},${space()}`)}${space()}]`;
    return objectOf(inner.map((text) => [pick(["a", "b", "b", "c"]), text]));
  };
  const objectOf = (members: (readonly [string, string])[]) =>
    `{${space()}${members.map(([name, text]) => `"${name}"${space()}:${space()}${text}`).join(`${space()},${space()}`)}${space()}}`;
  for (let round = 0; round < 300; round++) {
    const before = Array.from({ length: Math.floor(random() * 3) }, () => value(3));
    const behind = Array.from({ length: Math.floor(random() * 3) }, () => value(3));
    // The two parts around the named member are kept as they are.
    const [left, right] = [before, behind].map((texts) =>
      texts.map((text) => `"k"${space()}:${text}`).join(","),
    );
    const document = (middle: string) => `{${[left, middle, right].filter(Boolean).join(",")}}`;
    const named = document(`"x"${space()}:"7.50"`);
    const at = named.indexOf('"x"');
    const end = named.indexOf('"7.50"') + 6;
    const [head, tail] = [named.slice(0, at), named.slice(end)];
    const kept = (text: string) => text.startsWith(head) && text.endsWith(tail);
    const member = named.slice(at, end);
    assert.is(
      after(named, { op: "cast", path: "/x", to: "number" }),
      `${head}${member.replace('"7.50"', "7.50")}${tail}`,
    );
    assert.ok(kept(after(named, { op: "set", path: "/x", value: [round] })), named);
    assert.ok(kept(after(named, { op: "rename", path: "/x", to: "y" })), named);
    const removed = after(named, { op: "remove", path: "/x" });
    assert.equal(JSON.parse(removed), JSON.parse(document("")), named);
    for (const text of [...before, ...behind]) assert.ok(removed.includes(text), named);
    assert.is(after(named, { op: "remove", path: "/none" }), named);
  }
});

const transformer = new Transformer(BYTES_MAX, createLogger("silent"));
/** Shorter than the default, so that the test does not wait for it. */
const hasty = new Transformer(BYTES_MAX, createLogger("silent"), { timeMsMax: 300 });

/** @returns the new text, `unchanged`, or the broken rule. */
async function result(document: string, ...steps: Step[]): Promise<string> {
  return resultBy(transformer, document, steps);
}

async function resultBy(by: Transformer, document: string, steps: readonly Step[]): Promise<string> {
  const transformed = await (await by.begin(steps)).apply(Buffer.from(document));
  if (transformed.kind === "changed") return Buffer.from(transformed.payload).toString();
  return transformed.kind === "failed" ? `${transformed.step} ${transformed.problem.rule}` : "unchanged";
}

const jsonata = (expression: string): Step => ({ op: "jsonata", expression });

transform("an expression changes what differs, and keeps the bytes of the rest", async () => {
  const document = '{ "a" : "12", "big": 12345678901234567890, "l": [1.10, 2], "e":"\\u00e9" }';
  const toNumber = jsonata("$ ~> | $ | {'a': $number(a)} |");
  assert.is(await result(document, toNumber), document.replace('"12"', "12"));
  assert.is(await result('{"a":"1","long":1234567890123456}', toNumber), '{"a":1,"long":1234567890123456}');
  assert.is(
    await result(document, jsonata("$sift($, function($v, $k){ $k != 'big' })")),
    document.replace(' "big": 12345678901234567890,', ""),
  );
  assert.is(
    await result(document, jsonata("$merge([$, {'n': [true, {'x': 'y'}]}])")),
    document.replace('9" }', '9", "n":[true,{"x":"y"}] }'),
  );
  assert.is(await result(document, jsonata("$")), "unchanged");
  assert.is(await result("[1,2]", jsonata("$append($, 3)")), "[1,2,3]");
  assert.is(
    await result('{"a":1}', toNumber, { op: "set", path: "/b", value: 1 }, jsonata("{'c': a + b}")),
    '{"c":2}',
  );
});

transform("an expression that would lose digits, a repeated member or its result is refused", async () => {
  assert.is(await result('{"big":12345678901234567890}', jsonata("{'copy': big}")), "0 exact_number");
  assert.is(await result('{"a":9007199254740991}', jsonata("{'a': a * 3}")), "0 exact_number");
  assert.is(await result('{"a":{"b":1,"b":2}}', jsonata("$merge([$, {'c': 1}])")), "0 unique_name");
  assert.is(await result('{"a":1}', jsonata("b")), "0 jsonata");
  assert.is(await result('{"a":1}', { op: "remove", path: "/b" }, jsonata("$error('no')")), "1 jsonata");
  assert.is(await result("no JSON", jsonata("1")), "0 json");
  const syntax = await errorOf(transformer.begin([{ op: "remove", path: "/b" }, jsonata("{'a': ")]));
  assert.match(syntax.message, /^steps\.1\.expression must be a JSONata expression/);
});

transform("a loop and growth end with the letter, and the next one is served", async () => {
  const ofHasty = (expression: string) => resultBy(hasty, "{}", [jsonata(expression)]);
  const loop = "($f := function(){ $f() }; $f())";
  // On a busy machine the loop is ended from outside before the library ends it.
  assert.match(await ofHasty(loop), /^0 (jsonata|time_max)$/);
  assert.is(await ofHasty(`$match("${"a".repeat(60)}!", /(a|aa)+$/)`), "0 time_max");
  assert.match(
    await ofHasty("($f := function($x){ $f($append($x, $x)) }; $f([1, 2]))"),
    /^0 (jsonata|time_max)$/,
  );
  assert.is(await result("{}", jsonata("$pad('', 90000, 'x')")), JSON.stringify("x".repeat(90_000)));
  assert.is(await result("{}", jsonata("$pad('', 100000, 'x')")), "0 bytes_max");
  // V8 ends the process that evaluates it, or it takes too long.
  assert.match(await ofHasty("$pad('', 500000000, 'x')"), /^0 (memory|time)_max$/);
  assert.is(await resultBy(hasty, '{"a":1}', [{ op: "rename", path: "/a", to: "b" }]), '{"b":1}');

  const looping = await hasty.begin([jsonata(loop)]);
  await looping.apply(Buffer.from("{}"));
  await looping.apply(Buffer.from("{}"));
  assert.match(
    (await errorOf(looping.apply(Buffer.from("{}")))).message,
    "limit of time or memory for 3 letters",
  );
});

transform("steps are validated, and the first mistake is named", () => {
  const bad: [unknown, RegExp][] = [
    [{}, /^steps must be a list of steps/],
    [[{ op: "move", path: "/a" }], /^steps\.0\.op must be one of set, remove, rename, cast, jsonata/],
    [[{ op: "set", path: "/a" }], /^steps\.0\.value must be /],
    [[{ op: "remove", path: "" }], /^steps\.0\.path must be a JSON pointer/],
    [[{ op: "remove", path: "a" }], /^steps\.0\.path must be a JSON pointer/],
    [[{ op: "remove", path: "/a", to: 1 }], /^steps\.0\.to must be /],
    [[{ op: "cast", path: "/a", to: "date" }], /^steps\.0\.to must be /],
    [[{ op: "rename", path: "/a", to: "" }], /^steps\.0\.to must be a member's name/],
    [
      [{ op: "jsonata", expression: "x".repeat(10_001) }],
      /^steps\.0\.expression must be a JSONata expression of/,
    ],
    [Array.from({ length: 101 }, () => ({ op: "remove", path: "/a" })), /^steps must be at most 100/],
  ];
  for (const [steps, message] of bad) {
    try {
      readSteps(steps);
      assert.unreachable(JSON.stringify(steps).slice(0, 100));
    } catch (error) {
      assert.match((error as Error).message, message);
    }
  }
});

transform("steps are suggested from the problems of a letter", () => {
  const problem = { rule: "type", path: "/a/3/b", expected: "a number", received: "string" };
  assert.equal(
    suggestSteps([
      problem,
      { ...problem, path: "/a/4/b" },
      { ...problem, path: "/c", expected: "a string", received: "number" },
      { ...problem, path: "/d", expected: "an object" },
      { ...problem, path: "/e", expected: "boolean" },
      { ...problem, path: "/f", expected: "a number", received: "object" },
      { ...problem, path: "", expected: "an object" },
    ]),
    [
      { op: "cast", path: "/a/#/b", to: "number" },
      { op: "cast", path: "/c", to: "string" },
      { op: "cast", path: "/d", to: "json" },
      { op: "cast", path: "/e", to: "boolean" },
    ],
  );
});

transform.run();
