/** The charts of the status page, over all domains. Each line is computed from a reading and the previous one. */
import { byId } from "/ui/dom.js";
import { mebibytes, plain, seconds, share } from "/ui/figures.js";
import { LineChart } from "/ui/line-chart.js";
import { quantile, rate, sum } from "/ui/rates.js";

/** @param before the previous reading; undefined for the first. */
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
    title: "Messages/s",
    format: plain,
    lines: {
      stored: perSecond(total("appended")),
      processed: perSecond(total("projected")),
      dead: perSecond(total("dead")),
    },
  },
  { title: "Pending messages", format: plain, lines: { pending: value(total("pending")) } },
  {
    title: "Latency, p99",
    format: seconds,
    lines: { append: p99("append_seconds"), "publish to readable": p99("readable_seconds") },
  },
  {
    title: "Requests/s",
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
      caches: value(total("cache_bytes")),
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
