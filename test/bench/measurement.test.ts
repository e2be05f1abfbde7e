import { test } from "uvu";
import * as assert from "uvu/assert";
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

test.run();
