import { globSync, readFileSync } from "node:fs";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { InvalidInputError } from "../../src/contract/errors.ts";
import {
  POSITION_MAX,
  parseDecimal,
  parseInteger,
  parsePosition,
  readInteger,
  readPosition,
} from "../../src/contract/values/integers.ts";

const integers = suite("integers");

const NO_NUMBERS = [
  "",
  " 1",
  "1 ",
  "+1",
  "-1",
  "1.0",
  "1e3",
  "0x1",
  "1_000",
  "１",
  "١",
  "1n",
  "NaN",
  "Infinity",
];

integers("only decimal digits are a number", () => {
  for (const text of NO_NUMBERS) {
    assert.is(parseInteger(text, 0, Number.MAX_SAFE_INTEGER), undefined, text);
    assert.is(parsePosition(text, 0n), undefined, text);
  }
});

integers("both ends of a range belong to it, and nothing beyond them", () => {
  assert.equal(
    ["0", "1", "500", "501"].map((text) => parseInteger(text, 1, 500)),
    [undefined, 1, 500, undefined],
  );
  assert.is(parseInteger("9007199254740991", 0, Number.MAX_SAFE_INTEGER), Number.MAX_SAFE_INTEGER);
  for (const text of ["9007199254740992", "9007199254740993", "9".repeat(400)])
    assert.is(parseInteger(text, 0, Number.MAX_SAFE_INTEGER), undefined, text);
});

integers("a position is exact up to the largest bigint of PostgreSQL", () => {
  assert.is(parsePosition("9223372036854775807"), POSITION_MAX);
  assert.is(parsePosition("9007199254740993"), 9007199254740993n);
  for (const text of ["0", "9223372036854775808", "9".repeat(19), "1".repeat(20)])
    assert.is(parsePosition(text), undefined, text);
  assert.is(parsePosition("0", 0n), 0n);
});

integers("a decimal has no sign and no exponent", () => {
  assert.equal(
    ["0", "0.5", ".5", "1", "1.0", "1.1", "1.", "-0", "+1", "1e-1", "0x1", " 1", "", "NaN"].map((text) =>
      parseDecimal(text, 0, 1),
    ),
    [0, 0.5, 0.5, 1, 1, ...Array(9).fill(undefined)],
  );
});

integers("an error names the parameter and the whole range", () => {
  const problemOf = (read: () => unknown) => {
    try {
      read();
    } catch (error) {
      assert.instance(error, InvalidInputError);
      return (error as InvalidInputError).message;
    }
    return "no error";
  };
  assert.is(
    problemOf(() => readInteger("501", "limit", 1, 500)),
    "limit must be a whole number from 1 to 500",
  );
  for (const text of [undefined, "", "9223372036854775808"]) {
    assert.is(
      problemOf(() => readPosition(text, "before")),
      "before must be a whole number from 1 to 9223372036854775807",
    );
  }
});

integers("the largest position is stated once, and no other file parses numbers", () => {
  const stated = globSync("{src,tools,bench}/**/*.ts").filter((file) =>
    /2n \*\* 63n|9223372036854775807|\^\(?\\d(\{1,1?\d\}(\$|\()|\+\(\\\.)/.test(readFileSync(file, "utf8")),
  );
  assert.equal(stated.toSorted(), ["src/config/numbers.ts", "src/contract/values/integers.ts"]);
});

integers.run();
