import { suite } from "uvu";
import * as assert from "uvu/assert";
import { majorUnits, minorUnits } from "../../../src/domains/wallet/amount.ts";
import { checkCommand } from "../../../src/domains/wallet/commands.ts";
import { randomOf } from "../../support/random.ts";

const REFUSED = [
  ...[
    "",
    " ",
    "0",
    "0.00",
    "-1",
    "-0",
    "+1",
    "1e3",
    "1E3",
    "01",
    "00.5",
    ".5",
    "5.",
    "1.",
    ".",
    "1,5",
    "1 000",
    " 1",
    "1 ",
  ],
  ...["NaN", "Infinity", "0x10", "1_000", "１００", "1.٥", "1\n", "１", "1.5.5", `1${"0".repeat(64)}`],
];

const amounts = suite("amounts");

const problemsOf = (amount: unknown): string[] => {
  const command = checkCommand({ id: "1", type: "deposit", owner: "ann", currency: "USD", amount });
  return "problems" in command ? command.problems.map(({ path }) => path) : [];
};

for (const text of REFUSED) {
  amounts(`refused: ${JSON.stringify(text)}`, () => assert.equal(problemsOf(text), ["/amount"]));
}

amounts("refused: a number, null, an object", () => {
  for (const value of [100, 1.5, null, {}, ["1"], true]) assert.equal(problemsOf(value), ["/amount"]);
});

amounts("accepted: whole and decimal", () => {
  for (const text of ["1", "0.01", "100.50", "10", "0.10", `9${"0".repeat(39)}`, "1.000000000000000000"])
    assert.equal(problemsOf(text), []);
});

amounts("in minor units, exactly", () => {
  assert.is(minorUnits("100.50", 2), 10_050n);
  assert.is(minorUnits("100.5", 2), 10_050n);
  assert.is(minorUnits("100", 2), 10_000n);
  assert.is(minorUnits("0.29", 2), 29n);
  assert.is(minorUnits("1.005", 3), 1_005n);
  assert.is(minorUnits("1.005", 2), undefined);
  assert.is(minorUnits("1.00", 0), undefined);
  assert.is(minorUnits("90071992547409.93", 2), 9_007_199_254_740_993n);
});

amounts("written with all decimals of the currency, and read again as the same", () => {
  assert.is(majorUnits(5n, 2), "0.05");
  assert.is(majorUnits(-5n, 2), "-0.05");
  assert.is(majorUnits(0n, 3), "0.000");
  assert.is(majorUnits(-1_234n, 0), "-1234");
  const random = randomOf(5);
  for (let count = 0; count < 1_000; count++) {
    const minor = BigInt(1 + Math.floor(random() * 1e15)) * 10n ** BigInt(Math.floor(random() * 22));
    const exponent = Math.floor(random() * 5);
    assert.is(minorUnits(majorUnits(minor, exponent), exponent), minor);
  }
});

amounts.run();
