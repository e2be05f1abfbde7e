/** Metadata is stored unchanged, and PostgreSQL accepts all of it. */
import { randomBytes } from "node:crypto";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { headersToJson, traceparentIn, validTimestamp } from "../../src/contract/headers.ts";
import { createDatabase } from "../support/database.ts";

const database = await createDatabase();

/** The original bytes. */
const bytesOf = (kept: string | { base64: string }) =>
  typeof kept === "string" ? Buffer.from(kept) : Buffer.from(kept.base64, "base64");

test("any bytes come back as they were, through the database", async () => {
  const nasty = [
    "",
    "\0",
    "a\0b",
    "\ud800",
    "\udfff\ud800",
    "\\u0000",
    '"',
    "\u2028",
    "é",
    "\u{1f600}",
    "\x01\x1f\x7f",
  ];
  const values = [
    ...nasty.map((text) => Buffer.from(text)),
    ...Array.from({ length: 200 }, (_, index) => randomBytes(index % 40)),
    Buffer.from([0xc3, 0x28]),
    Buffer.from([0xed, 0xa0, 0x80]),
  ];
  for (const value of values) {
    const json = headersToJson({ headers: [[value, value]], key: value, subject: value.toString() });
    const { rows } = await database.query("select $1::jsonb as kept", [json]);
    const [[name, text]] = rows[0].kept.headers;
    for (const kept of [name, text, rows[0].kept.key])
      assert.ok(bytesOf(kept).equals(value), value.toString("hex"));
  }
  // A lone surrogate in text has no bytes of its own.
  for (const text of nasty) {
    const json = headersToJson({ headers: [[text, text]], subject: text });
    await database.query("select $1::jsonb as kept", [json]);
  }
});

test("nothing is stored if nothing was delivered", () => {
  assert.is(headersToJson({ headers: [] }), undefined);
  assert.is(headersToJson({ headers: [], key: null }), undefined);
  assert.is(headersToJson({ headers: [["a", null]] }), '{"headers":[["a",null]]}');
});

test("the first valid trace context counts", () => {
  const withFlags = (flags: string) => `00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-${flags}`;
  assert.is(
    traceparentIn([
      ["x", "y"],
      ["traceparent", withFlags("01")],
      ["traceparent", withFlags("00")],
    ]),
    withFlags("01"),
  );
  assert.is(
    traceparentIn([
      ["traceparent", "nonsense"],
      ["traceparent", Buffer.from(withFlags("00"))],
    ]),
    withFlags("00"),
  );
  assert.is(traceparentIn([["traceparent", `${withFlags("01")}\0`]]), undefined);
});

test("a time is one that the database can hold", async () => {
  const times = [
    0,
    -1,
    1,
    1_700_000_000_123,
    Number.MAX_SAFE_INTEGER,
    9e18,
    Number.NaN,
    Number.POSITIVE_INFINITY,
  ];
  assert.equal(times.map(validTimestamp), [
    undefined,
    undefined,
    1,
    1_700_000_000_123,
    ...Array(4).fill(undefined),
  ]);
});

test.after(async () => {
  await database[Symbol.asyncDispose]();
});
test.run();
