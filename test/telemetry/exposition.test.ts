/** The metrics in the formats of different readers. */
import { Counter, Gauge, Histogram, Registry } from "prom-client";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { exposeMetrics } from "../../src/watch/exposition.ts";

const exposition = suite("exposition");
const registry = new Registry();
registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE as never);
const registers = [registry];
new Counter({ name: "requests_total", help: "Requests.", labelNames: ["path"], registers }).inc({
  path: " # {} 3",
});
new Gauge({ name: "size_bytes", help: "Size.", registers }).set(5);
const histogram = new Histogram({
  name: "duration_seconds",
  help: "Duration.",
  buckets: [1],
  enableExemplars: true,
  registers,
});
histogram.observe({ value: 0.5, exemplarLabels: { trace_id: "abc" } } as never);

exposition("the text format has full names of counters, no exemplars and no end mark", async () => {
  const { contentType, text } = await exposeMetrics(registry, "text/plain; version=0.0.4");
  assert.is(contentType, "text/plain; version=0.0.4; charset=utf-8");
  assert.equal(text.trim().split("\n"), [
    "# HELP requests_total Requests.",
    "# TYPE requests_total counter",
    'requests_total{path=" # {} 3"} 1',
    "# HELP size_bytes Size.",
    "# TYPE size_bytes gauge",
    "size_bytes 5",
    "# HELP duration_seconds Duration.",
    "# TYPE duration_seconds histogram",
    'duration_seconds_bucket{le="1"} 1',
    'duration_seconds_bucket{le="+Inf"} 1',
    "duration_seconds_sum 0.5",
    "duration_seconds_count 1",
  ]);
});

exposition("OpenMetrics has all that the registry has", async () => {
  const { contentType, text } = await exposeMetrics(registry, "application/openmetrics-text");
  assert.match(contentType, /^application\/openmetrics-text; version=1/);
  assert.match(text, '# TYPE requests counter\nrequests_total{path=" # {} 3"} 1');
  assert.match(text, /le="1"\} 1 # \{trace_id="abc"\} 0\.5/);
  assert.match(text, /# EOF\n$/);
});

exposition("who asks for nothing gets the text format, and who prefers OpenMetrics gets that", async () => {
  const isOpenMetrics = async (accept: string | undefined) =>
    (await exposeMetrics(registry, accept)).contentType.startsWith("application/");
  // The Accept header of Prometheus 2.53.
  const prometheus =
    "application/openmetrics-text;version=1.0.0;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2";
  for (const accept of [prometheus, "text/plain;q=0.5, Application/OpenMetrics-Text"])
    assert.is(await isOpenMetrics(accept), true, accept);
  for (const accept of [
    undefined,
    "*/*",
    "text/html,application/xhtml+xml,*/*;q=0.8",
    "text/plain;version=0.0.4",
    "application/openmetrics-text;q=0, text/plain;q=0.1",
    "application/openmetrics-text;q=0.1, text/*",
  ])
    assert.is(await isOpenMetrics(accept), false, accept);
});

exposition.run();
