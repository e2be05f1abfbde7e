/** When alerts fire and resolve. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Alert } from "../../src/notify/alert.ts";
import { detect, firingIn, NOTHING_TRACKED, type Reading } from "../../src/notify/detector.ts";
import { Growth } from "../../src/notify/growth.ts";

const detector = suite("alert detector");

const alert: Alert = {
  kind: "source_disconnected",
  labels: { source: "kafka" },
  severity: "page",
  summary: "x",
};

/** `1`: the condition holds for 30 s before it fires; `0`: it does not hold; `?`: unknown. @returns the firing readings. */
function firing(readings: string, secondsApart = 10): string {
  let tracked = NOTHING_TRACKED;
  return [...readings]
    .map((kind, index) => {
      const reading: Reading = {
        atMs: index * secondsApart * 1000,
        conditions: kind === "1" ? [{ alert, holdSeconds: 30 }] : [],
        unknown: kind === "?" ? ["source_disconnected"] : [],
        young: [],
      };
      tracked = detect(tracked, reading);
      return firingIn(tracked).length > 0 ? "F" : ".";
    })
    .join("");
}

detector("given a condition, when it holds for its time, then it fires once and stays", () => {
  assert.is(firing("011111"), "....FF");
});

detector("given a short disturbance, when it ends before its time, then nothing fires", () => {
  assert.is(firing("0111011100"), "..........");
});

detector("given an alert, when the condition is absent for a minute, then it resolves", () => {
  assert.is(firing("11110000000"), "...FFFFFF..");
});

detector("given an alert, when the condition flaps, then it neither resolves nor fires again", () => {
  assert.is(firing("111100010001000100000000"), "...FFFFFFFFFFFFFFFFFF...");
});

detector("given an alert, when the condition is unknown, then it stays as it is", () => {
  assert.is(firing("1111????????????000000"), "...FFFFFFFFFFFFFFFFFF.");
  assert.is(firing("????"), "....");
});

detector("growth counts the letters of the last ten minutes, and of an older group only new ones", () => {
  const growth = new Growth();
  const startMs = Date.UTC(2026, 0, 1);
  const at = (minutes: number) => startMs + minutes * 60_000;
  const group = (letters: bigint, firstMinute: number) => ({
    domain: "d",
    fingerprint: String(firstMinute),
    code: "schema",
    letters,
    firstReceivedAt: new Date(at(firstMinute)),
  });
  const grown = (minute: number, ...groups: ReturnType<typeof group>[]) =>
    growth.add(groups, at(minute)).map(({ letters }) => letters);
  assert.equal(grown(0, group(5_000n, -600)), [0]);
  assert.equal(grown(5, group(5_030n, -600), group(25n, 4)), [30, 25]);
  assert.equal(grown(9, group(5_040n, -600), group(25n, 4)), [40, 25]);
  assert.equal(grown(14, group(5_050n, -600), group(25n, 4)), [20, 25]);
  assert.equal(grown(20, group(5_050n, -600)), [0]);
});

detector.run();
