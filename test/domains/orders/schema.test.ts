import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Rejection } from "../../../src/contract/rejection.ts";
import { parseDateTime } from "../../../src/contract/values/date-time.ts";
import { parseJsonDocument } from "../../../src/contract/values/json-document.ts";
import { parseOrder } from "../../../src/domains/orders/schema.ts";
import { OrderFactory } from "../../../tools/domains/orders/factory.ts";
import { ordersKit } from "../../../tools/domains/orders/index.ts";
import { garbageKinds, makeGarbage } from "../../../tools/publisher/garbage.ts";
import { MODEL, orderWith } from "../../support/messages.ts";

const rejectionOf = (payload: Buffer): Rejection => {
  const result = parseOrder(payload);
  if (!("code" in result)) throw new Error("it was accepted");
  return result;
};

test("the example of the specification is an order", () => {
  assert.equal(parseOrder(orderWith({})), {
    orderUid: "b563feb7b2b84b6test",
    customerId: "test",
    trackNumber: "WBILMTESTTRACK",
    dateCreated: Date.UTC(2021, 10, 26, 6, 22, 19),
  });
});

test("made orders are orders", () => {
  const factory = new OrderFactory(1);
  for (let made = 0; made < 500; made++) {
    assert.ok("orderUid" in parseOrder(Buffer.from(JSON.stringify(factory.next()))));
  }
});

for (const kind of garbageKinds(ordersKit)) {
  test(`${kind}: the right code and paths`, () => {
    const { payload, code, paths } = makeGarbage(ordersKit, new OrderFactory(3), kind);
    const rejection = rejectionOf(payload);
    assert.is(rejection.code, code);
    if (paths) assert.equal(rejection.problems.map(({ path }) => path).sort(), [...paths].sort());
    for (const { rule, expected, received } of rejection.problems) assert.ok(rule && expected && received);
  });
}

test("a problem names the rule, the received type and the beginning of what stood there", () => {
  const long = "x".repeat(1_000_000);
  const { problems } = rejectionOf(
    orderWith({ customer_id: 42, sm_id: -1, items: [{ ...MODEL.items[0], price: long, size: [1, 2] }] }),
  );
  assert.equal(problems, [
    { path: "/customer_id", rule: "type", expected: "a string", received: "number", excerpt: "42" },
    { path: "/sm_id", rule: "minimum", expected: "at least 0", received: "number", excerpt: "-1" },
    {
      path: "/items/0/price",
      rule: "type",
      expected: "a number",
      received: "string",
      excerpt: `"${"x".repeat(40)}"…`,
    },
    {
      path: "/items/0/size",
      rule: "type",
      expected: "a string",
      received: "array",
      excerpt: "[…], 2 items",
    },
  ]);
});

test("a missing field is a problem of its own path", () => {
  const { bank: _left, ...payment } = MODEL.payment;
  const { problems } = rejectionOf(orderWith({ payment }));
  assert.equal(problems, [
    { path: "/payment/bank", rule: "required", expected: "a string", received: "nothing" },
  ]);
});

test("the byte offset of invalid UTF-8 or JSON is exact", () => {
  const at = (payload: string | Buffer) =>
    rejectionOf(Buffer.from(payload as string)).problems[0]?.byteOffset;
  assert.is(at(Buffer.from([0x7b, 0xff])), 1);
  assert.is(at(Buffer.concat([Buffer.from('{"é":"'), Buffer.from([0xe2, 0x82])])), 7);
  assert.is(at(Buffer.from([0xef, 0xbf])), 0);
  assert.is(at('{"a":1,}'), 7);
  assert.is(at('{"é":x}'), 6);
  assert.is(at('{"a":"\u0007"}'), 6);
  assert.is(at("[1,2"), 4);
  assert.is(at("nul"), 0);
  assert.is(at("{} {}"), 3);
  assert.is(at("01"), 1);
});

test("an order may hold any characters, unknown fields and escapes", () => {
  const text = JSON.stringify({
    ...MODEL,
    order_uid: "\u{1f4e6} ünï/..%00",
    extra: { deep: [1, { a: null }] },
  });
  assert.ok("orderUid" in parseOrder(Buffer.from(text)));
  assert.ok("orderUid" in parseOrder(Buffer.from(text.replace("test@", "\\u0074est\\ud83d\\ude00@"))));
  assert.ok("orderUid" in parseOrder(Buffer.from(JSON.stringify(MODEL, null, 2))));
  assert.ok(
    "orderUid" in parseOrder(Buffer.from(`{"__proto__":{"order_uid":1},${JSON.stringify(MODEL).slice(1)}`)),
  );
});

test("a date that another year than 0000 to 9999 has in UTC is no date", () => {
  const { problems } = rejectionOf(orderWith({ date_created: "0000-01-01T00:00:00+23:59" }));
  assert.equal(problems, [
    {
      path: "/date_created",
      rule: "format",
      expected: "an RFC 3339 date-time of the years 0000 to 9999 in UTC",
      received: "string",
      excerpt: '"0000-01-01T00:00:00+23:59"',
    },
  ]);
});

test("an id has 1 to 128 characters, counted as code points", () => {
  assert.ok("orderUid" in parseOrder(orderWith({ order_uid: "\u{1f4e6}".repeat(128) })));
  assert.is(rejectionOf(orderWith({ order_uid: "\u{1f4e6}".repeat(129) })).problems[0]?.rule, "pattern");
});

test("nesting is accepted up to 64 levels", () => {
  const nested = (levels: number) => Buffer.from("[".repeat(levels) + "]".repeat(levels));
  assert.ok("value" in parseJsonDocument(nested(64), 1_000));
  assert.is((parseJsonDocument(nested(65), 1_000) as Rejection).problems[0]?.rule, "nesting_max");
});

test("a number is judged by its text: what is not whole is not rounded to a whole number", () => {
  const withAmount = (literal: string) =>
    Buffer.from(
      JSON.stringify({ ...MODEL, payment: { ...MODEL.payment, amount: 0 } })
        .replace('"amount":0', `"amount": ${literal}`)
        .replace("{", '{"n":[1e-400,"1e-400",-0.10,true,false,1.00000000000000000001],'),
    );
  const zeros = "0".repeat(100_000);
  for (const fraction of [
    "9007199254740991.4",
    "9007199254740990.5",
    "4503599627370497.25e0",
    "1.00000000000000000001",
    "0.99999999999999999999999",
    `1.${zeros}1`,
    `0.${zeros}1`,
    "1e-400",
    "5E-325",
    "-1e-400",
    "1000000000000000000001e-21",
    "10000000000000000000000000001e-28",
  ]) {
    const { problems } = rejectionOf(withAmount(fraction));
    assert.equal(problems, [
      {
        path: "/payment/amount",
        rule: "integer",
        expected: "a whole number",
        received: "number",
        excerpt: "a number that is not whole",
      },
    ]);
  }
  for (const whole of [
    "0",
    "-0.0",
    "1.0",
    "9007199254740991",
    "9007199254740991.000",
    "90071992547409.91e2",
    `1.${zeros}`,
    "1e15",
    "1E+2",
    "120e-1",
    "0e-999",
    "0.0000000000000000000000e-5",
    `1${"0".repeat(300)}e-300`,
  ])
    assert.ok("orderUid" in parseOrder(withAmount(whole)), whole.slice(0, 40));
  const rounded = rejectionOf(withAmount("99999999999999999.5")).problems;
  assert.equal([rounded[0]?.rule, rounded[0]?.excerpt], ["maximum", "about 100000000000000000"]);
  for (const none of ["01.00000000000000000001", "1.e-400", ".1e-400", "1e-400.5", "--1e-400", "1e-400true"])
    assert.is(rejectionOf(withAmount(none)).code, "not_json", none);
});

test("a megabyte of numbers that would be rounded, and one number of a megabyte, are read", () => {
  const many = Buffer.from(`[${"1e-999,".repeat(149_000)}0]`);
  const long = Buffer.from(`[0.${"0".repeat(1_000_000)}1]`);
  for (const payload of [many, long]) {
    const result = parseJsonDocument(payload, 2 ** 20);
    assert.ok("value" in result && !(result.value as number[]).slice(0, 1).some(Number.isInteger));
  }
});

test("date-times are those of RFC 3339", () => {
  assert.is(parseDateTime("2021-11-26T06:22:19Z"), Date.UTC(2021, 10, 26, 6, 22, 19));
  assert.is(parseDateTime("2021-11-26t06:22:19.5z"), Date.UTC(2021, 10, 26, 6, 22, 19, 500));
  assert.is(parseDateTime("2021-11-26T06:22:19+05:30"), Date.UTC(2021, 10, 26, 0, 52, 19));
  assert.is(parseDateTime("2016-12-31T23:59:60Z"), Date.UTC(2017, 0, 1));
  assert.is(parseDateTime("2024-02-29T00:00:00-00:30"), Date.UTC(2024, 1, 29, 0, 30));
  assert.is(new Date(parseDateTime("0001-01-01T00:00:00Z") ?? 0).toISOString(), "0001-01-01T00:00:00.000Z");
  // The limits of four-digit years.
  for (const edge of ["0000-01-01T00:00:00.000Z", "9999-12-31T23:59:59.999Z"])
    assert.is(new Date(parseDateTime(edge) ?? 0).toISOString(), edge);
  for (const wrong of [
    "0000-01-01T00:00:00+23:59",
    "0000-01-01T00:00:59.999+00:01",
    "9999-12-31T23:59:00-00:01",
    "9999-12-31T23:59:60Z",
    "2021-11-26",
    "2021-11-26T06:22:19",
    "2021-02-29T00:00:00Z",
    "2021-13-01T00:00:00Z",
    "2021-11-26T24:00:00Z",
    "2021-11-26T06:60:00Z",
    "2021-11-26T06:22:19+24:00",
    "yesterday",
    "2021-11-26 06:22:19Z",
  ]) {
    assert.is(parseDateTime(wrong), undefined, wrong);
  }
});

test("a date-time with one character changed, put in or left out is one only if RFC 3339 says so", () => {
  const grammar = /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)$/;
  let valid = 0;
  for (const text of [
    "2021-11-26T06:22:19Z",
    "2024-02-29T23:59:59.125+05:30",
    "0400-01-01T00:00:00.5-23:59",
  ]) {
    for (let place = 0; place <= text.length; place++) {
      const [before, after] = [text.slice(0, place), text.slice(place)];
      for (const character of ["", ..."0123456789-:TtZz+. ~\u0660"]) {
        for (const changed of [before + character + after, before + character + after.slice(1)]) {
          const time = parseDateTime(changed);
          if (time === undefined) continue;
          valid++;
          assert.match(changed, grammar);
          // JavaScript has no leap seconds.
          const isLeap = changed.slice(17, 19) === "60";
          const known = Date.parse(changed.toUpperCase().replace(/:60/, ":59"));
          assert.is(time, isLeap ? known + 1_000 : known, changed);
        }
      }
    }
  }
  assert.ok(valid > 300, String(valid));
});

test("whatever JSON.parse accepts is accepted, and nothing else, over random mutations", () => {
  const seed = Math.floor(Math.random() * 2 ** 31);
  const factory = new OrderFactory(seed);
  const pieces = [
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    '"',
    "\\",
    "\\u00",
    "null",
    "1e5",
    "-",
    "0",
    " ",
    "\n",
    "\u0001",
    "é",
    "\u{1f600}",
  ];
  for (let round = 0; round < 3_000; round++) {
    const text = JSON.stringify({ a: [1, { b: "c" }, null], d: "e\\n" });
    const at = Math.floor(factory.random() * text.length);
    const mutated =
      text.slice(0, at) + factory.pick(pieces) + text.slice(at + Math.floor(factory.random() * 3));
    let expected = true;
    try {
      JSON.parse(mutated);
    } catch {
      expected = false;
    }
    const result = parseJsonDocument(Buffer.from(mutated), 10_000);
    const isAccepted = !("code" in result && result.code === "not_json");
    assert.is(isAccepted, expected, `seed ${seed}: ${JSON.stringify(mutated)}`);
    if ("code" in result && result.code === "not_json") {
      const offset = result.problems[0]?.byteOffset ?? -1;
      assert.ok(offset >= 0 && offset <= Buffer.byteLength(mutated), `seed ${seed}`);
      assert.ok(result.problems[0]?.expected, `seed ${seed}`);
    }
  }
});

test.run();
