/** The charts of the status page: what each line shows of a reading and the one before it, over all domains. */
import { byId } from "/ui/dom.js";
import { mebibytes, plain, seconds, share } from "/ui/figures.js";
import { LineChart } from "/ui/line-chart.js";
import { quantile, rate, sum } from "/ui/rates.js";

/** Adds a reading to all charts. @param before the reading before it; undefined for the first. */
export function addToCharts(before, now) {
  for (const { chart, values } of charts)
    chart.add(
      now.at,
      values.map((value) => value(before, now)),
    );
}

const total = (name) => (reading) => sum(reading.domains.map((domain) => domain[name]));
const perSecond = (read) => (before, now) => rate(before, now, read);
const p99 = (name) => (before, now) =>
  quantile(before, now, (reading) => reading.domains.map((domain) => domain[name]), 0.99);
const value = (read) => (_before, now) => read(now);

const CHARTS = [
  {
    title: "Messages a second",
    format: plain,
    lines: {
      stored: perSecond(total("appended")),
      projected: perSecond(total("projected")),
      dead: perSecond(total("dead")),
    },
  },
  { title: "Pending messages", format: plain, lines: { pending: value(total("pending")) } },
  {
    title: "p99 latency",
    format: seconds,
    lines: { append: p99("append_seconds"), "publish to readable": p99("readable_seconds") },
  },
  {
    title: "Requests a second",
    format: plain,
    lines: {
      all: perSecond(({ requests }) => requests),
      "cache hits": perSecond(total("cache_hits")),
      "cache misses": perSecond(total("cache_misses")),
    },
  },
  {
    title: "Memory",
    format: mebibytes,
    lines: {
      resident: value((reading) => reading.process.resident_bytes),
      "of it the caches": value(total("cache_bytes")),
    },
  },
  {
    title: "CPU (% of one core)",
    format: share,
    lines: { used: perSecond((reading) => reading.process.cpu_seconds) },
  },
];

const charts = CHARTS.map(({ title, format, lines }) => ({
  chart: new LineChart(byId("charts"), title, Object.keys(lines), format),
  values: Object.values(lines),
}));
