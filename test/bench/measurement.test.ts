import { test } from "uvu";
import * as assert from "uvu/assert";
import { comparisonTable, merge } from "../../bench/compare.ts";
import { documentOf, isMet, type Measurement, tableOf } from "../../bench/measurement.ts";

const drain: Measurement = {
  name: "drain",
  unit: "orders/s",
  figures: [40_000, 50_000, 45_000],
  limits: [80_000, 50_000, 60_000],
  limitName: "by COPY",
  goal: { of: "ratio", atLeast: 0.8 },
  note: "beside others",
};

test("a ratio is that of its round, and the median of them decides", () => {
  const { figure, limit, ratio, met } = documentOf(drain);
  assert.equal([figure, limit, ratio, met], [45_000, 60_000, 0.75, false]);
  assert.is(isMet({ ...drain, goal: { of: "ratio", atLeast: 0.75 } }), true);
  assert.is(isMet({ ...drain, goal: { of: "figure", atMost: 44_999 } }), false);
  assert.is(isMet({ ...drain, goal: { of: "figure", atMost: 45_000 } }), true);
});

test("the table shows medians, spread, and what has no limit and no goal", () => {
  const [, , row, other, , note] = tableOf([drain, { name: "rate", unit: "/s", figures: [1.5] }]).split("\n");
  assert.is(
    row,
    "| drain | 45,000 (40,000–50,000) orders/s | 60,000 (50,000–80,000) by COPY | 0.75 (0.50–1.00) | ≥ 0.8 of the limit | **no** |",
  );
  assert.is(other, "| rate | 1.50 /s |  |  |  |  |");
  assert.is(note, "- drain: beside others");
});

test("a comparison takes the rounds of all turns, of what both revisions measure", () => {
  const figure = (name: string, ...figures: number[]): Measurement => ({ name, unit: "/s", figures });
  const before = [[figure("drain", 10, 30)], [figure("drain", 20), figure("old", 1)]];
  const after = [[figure("drain", 40), figure("new", 1)], [figure("drain", 60)]];
  const compared = merge(before, after);
  assert.equal(compared, [{ name: "drain", unit: "/s", before: [10, 30, 20], after: [40, 60] }]);
  const [, , row] = comparisonTable("v1", compared).split("\n");
  assert.is(row, "| drain | 20.0 (10.0–30.0) /s | 50.0 (40.0–60.0) /s | 2.50 |");
});

test.run();
