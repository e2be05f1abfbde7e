import { suite } from "uvu";
import * as assert from "uvu/assert";
import { CopyDecoder } from "../../src/database/copy/copy-decoder.ts";
import { withCopyData } from "../../src/database/copy/copy-encoder.ts";
import { DatabaseError } from "../../src/database/database-error.ts";
import { createDatabase } from "../support/database.ts";

const copying = suite("binary COPY");
const database = await createDatabase();
const TEXTS = ["", "plain", "größer \u{1f4e6}", "x".repeat(70_000)];
const NUMBERS = [0n, -1n, 2n ** 63n - 1n, -(2n ** 63n)];

copying("what was encoded comes back as it was, nulls and the largest values among it", async () => {
  const rows = TEXTS.map((text, index) => ({
    text,
    bytes: Buffer.alloc(index * 100_000, index),
    number: NUMBERS[index] as bigint,
    time: index === 0 ? undefined : 1_700_000_000_123 + index,
  }));
  const decoded = await database.transaction(async (transaction) => {
    await transaction.script(
      "create temp table copied (a text, b text, c bytea, d bigint, e timestamptz) on commit drop",
    );
    await withCopyData(
      (encoder) => {
        for (const { text, bytes, number, time } of rows) {
          encoder.row(5);
          encoder.text(text);
          encoder.constant(text);
          encoder.bytes(bytes);
          encoder.bigint(number);
          if (time === undefined) encoder.null();
          else encoder.timestamp(time);
        }
      },
      (data) => transaction.script("copy copied from stdin (format binary)", data),
    );
    const decoder = new CopyDecoder(
      await transaction.copyOut(
        "copy (select a, b, c, d, (extract(epoch from e) * 1000)::float8 from copied) to stdout (format binary)",
      ),
    );
    const found = [];
    while (decoder.next()) {
      const [text, constant, bytes] = [decoder.text(), decoder.text(), decoder.bytes()];
      found.push({ text, constant, bytes, number: decoder.bigint(), time: decoder.number() });
    }
    return found;
  });
  assert.equal(
    decoded,
    rows.map((row) => ({ ...row, constant: row.text })),
  );
});

copying("a whole number of any size becomes the same numeric, and is stored like any other", async () => {
  const digits = "98765432100000001234500006789000000000";
  const values = Array.from({ length: digits.length }, (_none, length) =>
    BigInt(digits.slice(0, length + 1)),
  );
  values.push(0n, 1n, 9_999n, 10_000n, 9_007_199_254_740_991n, 9_007_199_254_740_992n, 10n ** 37n);
  const numbers = [...values, ...values.map((value) => -value)];
  const rows = await database.transaction(async (transaction) => {
    await transaction.script("create temp table copied (n numeric(38, 0), expected text) on commit drop");
    await withCopyData(
      (encoder) => {
        for (const value of numbers) {
          encoder.row(2);
          encoder.numeric(value);
          encoder.text(String(value));
        }
      },
      (data) => transaction.script("copy copied from stdin (format binary)", data),
    );
    // A rebuild compares whole rows.
    return (
      await transaction.query<object>(
        `select n, expected from copied
         where n::text <> expected or numeric_send(n) <> numeric_send(expected::numeric(38, 0))`,
      )
    ).rows;
  });
  assert.equal(rows, []);
});

copying("an empty result has no rows", async () => {
  const bytes = await database.transaction((transaction) =>
    transaction.copyOut("copy (select 1 where false) to stdout (format binary)"),
  );
  assert.is(new CopyDecoder(bytes).next(), false);
});

copying("an error of the server is a DatabaseError, and the connection stays usable", async () => {
  const failing = database.transaction((transaction) =>
    transaction.copyOut(
      "copy (select 1 / (3 - n) from generate_series(1, 5) as n) to stdout (format binary)",
    ),
  );
  const error = await failing.then(
    () => undefined,
    (cause: unknown) => cause,
  );
  assert.instance(error, DatabaseError);
  assert.is((error as DatabaseError).sqlState, "22012");
  assert.is((await database.query("select 1 as one")).rows[0].one, 1);
});

copying("what fails in a savepoint leaves what was before it", async () => {
  const left = await database.transaction(async (transaction) => {
    await transaction.script(
      "create temp table kept (n int primary key) on commit drop; insert into kept values (1)",
    );
    const error = await transaction
      .scriptInSavepoint("insert into kept values (2); insert into kept values (1)")
      .catch((cause: unknown) => cause);
    assert.ok(error instanceof DatabaseError && error.isUniqueViolation);
    return (await transaction.query("select n from kept")).rows;
  });
  assert.equal(left, [{ n: 1 }]);
});

copying.after(async () => database[Symbol.asyncDispose]());
copying.run();
