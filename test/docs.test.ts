/** Documents that `npm run docs` writes from settings and results; cli.test.ts compares docs/commands.md. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type Results, resultsDocument } from "../bench/results.ts";
import { figureDocuments, fill, readDocument, settingDocuments } from "../tools/docs/documents.ts";

const docs = suite("documents");

const DRAIN = { name: "drain of 10", unit: "orders/s", figures: [200, 100, 150], limits: [400, 400, 300] };
const run = { date: "2026-01-02", machine: "a machine", seconds: 90 };
const RESULTS: Results = {
  ...run,
  results: [
    { ...DRAIN, limitName: "by COPY", goal: { of: "ratio", atLeast: 0.8 }, note: "a note" },
    { name: "reads / s", unit: "ms p99", figures: [1.234], goal: { of: "figure", atMost: 2 } },
  ],
  parts: {
    slow: {
      ...run,
      results: [{ name: "late", unit: "s", figures: [2000], goal: { of: "figure", atMost: 1 } }],
    },
  },
};

docs("every document is what npm run docs writes", () => {
  for (const [file, text] of Object.entries({ ...settingDocuments(), ...figureDocuments() }))
    assert.is(readDocument(file), text, `${file}: run npm run docs`);
});

docs("a marked part shows a figure, and nothing else of the text changes", () => {
  const shown = (figure: string) =>
    fill(`a <!-- figure: ${figure} -->old<!-- end --> b`, RESULTS)
      .replace(`a <!-- figure: ${figure} -->`, "")
      .replace("<!-- end --> b", "");
  assert.equal(
    [
      "drain of 10",
      "median of drain of 10",
      "range of drain of 10",
      "ratio of drain of 10",
      "note of drain of 10",
    ].map(shown),
    ["150 orders/s", "150", "100–200", "0.50 (0.25–0.50)", "a note"],
  );
  assert.equal(["reads / s", "late"].map(shown), ["1.23 ms p99", "2,000 s"]);
  assert.equal(["3,000 / drain of 10", "late / drain of 10"].map(shown), ["20", "13"]);
});

docs("a marked part shows the results of a part, or how to measure them", () => {
  const shown = (part: string) => fill(`<!-- results: ${part} -->\nold\n<!-- end -->`, RESULTS);
  assert.match(shown("slow"), /on 2026-01-02, 2 min, a machine:\n\n\| what .*\n.*\n\| late \| 2,000 s \|/);
  assert.match(shown("brokers"), "`npm run bench -- brokers --keep` measures this table.");
});

docs("a marked part shows the named settings", () => {
  const text = fill("<!-- settings: HTTP_PORT, CACHE_BYTES_MAX --><!-- end -->", RESULTS);
  assert.match(
    text,
    /\| `HTTP_PORT` \| `3000` \| Port .*\n\| `CACHE_BYTES_MAX` \| `536870912` bytes \(512 MiB\) \|/,
  );
});

docs("a marker that names nothing, and one without an end, are refused", () => {
  for (const wrong of [
    "<!-- figure: drian of 10 -->1<!-- end -->",
    "<!-- figure: 5 / drian of 10 -->1<!-- end -->",
    "<!-- settings: HTTP_PROT --><!-- end -->",
    "<!-- figure: drain of 10 -->1",
    "1<!-- end -->",
  ])
    assert.throws(() => fill(wrong, RESULTS), undefined, wrong);
});

docs("the results name every missed goal, with what was measured", () => {
  const [, missed = ""] = resultsDocument(RESULTS).split("## Missed goals");
  assert.match(
    missed,
    "- drain of 10: 0.50 (0.25–0.50), goal ≥ 0.8 of the limit\n- late: 2,000 s, goal ≤ 1\n",
  );
  assert.not.match(missed.split("## slow")[0] ?? "", "reads / s");
  assert.match(resultsDocument({ ...RESULTS, results: [], parts: {} }), "## Missed goals\n\nNone.");
});

docs.run();
