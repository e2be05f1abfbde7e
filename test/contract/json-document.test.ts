/** Dead letters of bytes that are not JSON in UTF-8. */
import { gzipSync, zstdCompressSync } from "node:zlib";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Rejection } from "../../src/contract/rejection.ts";
import { parseJsonDocument } from "../../src/contract/values/json-document.ts";

const TEXT = '{"id":1}';
const utf16 = Buffer.from(TEXT, "utf16le");
const cases: readonly (readonly [payload: Buffer, code: string, received: string])[] = [
  [gzipSync(TEXT), "not_utf8", "gzip"],
  [zstdCompressSync(Buffer.from(TEXT)), "not_utf8", "Zstandard"],
  [Buffer.concat([Buffer.from([0xff, 0xfe]), utf16]), "not_utf8", "UTF-16 with a byte order mark"],
  [Buffer.from(`\ufeff${TEXT}`, "utf16le").swap16(), "not_utf8", "UTF-16 with a byte order mark"],
  [Buffer.from([0xff, 0xfe, 0, 0, 0x7b, 0, 0, 0]), "not_utf8", "UTF-32 with a byte order mark"],
  [utf16, "not_json", "UTF-16"],
  [Buffer.from(utf16).swap16(), "not_json", "UTF-16"],
  [Buffer.from(`\ufeff${TEXT}`), "not_json", "a byte order mark"],
  // Other formats are not recognised.
  [Buffer.from([0x7b, 0x80]), "not_utf8", "byte 0x80"],
  [Buffer.from('{"id":1,}'), "not_json", "an unexpected character"],
  [Buffer.from("{\0"), "not_json", "an unexpected character"],
  [Buffer.from("{"), "not_json", "end of the message"],
  [Buffer.from('{"a":"\ufeff",}'), "not_json", "an unexpected character"],
];

test("bytes in another format are called so, under the code and at the place that they always had", () => {
  for (const [payload, code, received] of cases) {
    const rejection = parseJsonDocument(payload, 1_000) as Rejection;
    assert.is(rejection.code, code, received);
    const [problem] = rejection.problems;
    assert.is(problem?.received, received, payload.toString("hex"));
    assert.is(problem?.path, "");
    assert.type(problem?.byteOffset, "number");
  }
});

test("a byte order mark inside of a text is a character like any other", () => {
  assert.equal(parseJsonDocument(Buffer.from('"\ufeff"'), 100), { value: "\ufeff" });
});

test.run();
