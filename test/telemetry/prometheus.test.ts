/** Dashboards and alerts on a real Prometheus that scrapes the real service under a mixed load. */
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { DOMAINS } from "../../src/domains/index.ts";
import { DASHBOARDS, fileOf, jsonOf } from "../../tools/dashboards/dashboards.ts";
import { OF_DOMAINS } from "../../tools/dashboards/panels.ts";
import { KITS } from "../../tools/domains/index.ts";
import { OrderFactory, toPayload } from "../../tools/domains/orders/factory.ts";
import { ordersKit } from "../../tools/domains/orders/index.ts";
import { makeLoad } from "../../tools/publisher/load.ts";
import { publish } from "../../tools/publisher/publish.ts";
import { connectToBroker, connectToHttp } from "../../tools/publisher/transport.ts";
import { freePort } from "../../tools/stack/ports.ts";
import { OBSERVABILITY, Prometheus } from "../../tools/stack/prometheus.ts";
import { checkIf } from "../support/check-if.ts";
import { createDatabase, environment } from "../support/database.ts";
import { auditOf, brokerEnvironment, startAsProcess } from "../support/service.ts";
import { sharedKafka, startJetStream } from "../support/sources.ts";
import { until } from "../support/wait.ts";

const prometheus = suite("prometheus");
const started = new AsyncDisposableStack();
const database = started.use(await createDatabase());
const broker = brokerEnvironment();
const kafka = sharedKafka();
const jetStream = await startJetStream();
if (jetStream) started.defer(() => jetStream.stop("SIGKILL"));
const grpcPort = await freePort();
const service = await startAsProcess(database.serviceUrl, {
  ...broker,
  ...kafka?.environment(),
  ...jetStream?.environment(),
  ...Object.assign({}, ...KITS.map(({ environment }) => environment)),
  // Cart calls the domains of this process; an unreachable cache server has metrics too.
  GRPC_PORT: String(grpcPort),
  CART_PRODUCT_URL: `http://127.0.0.1:${grpcPort}`,
  CART_LOMS_URL: `http://127.0.0.1:${grpcPort}`,
  REDIS_URLS: "redis://127.0.0.1:9",
  DOMAINS: DOMAINS.map(({ name }) => name).join(),
  SOURCES: [
    "nats-streaming",
    "http",
    ...(kafka ? ["kafka"] : []),
    ...(jetStream ? ["jetstream"] : []),
  ].join(),
});
started.defer(() => service.child.end("SIGTERM"));
const server = await Prometheus.start(
  join(environment("WAYBILL_TEST_FOLDER"), "prometheus"),
  new URL(service.url).host,
  1,
);
if (server) started.use(server);

/** Skipped without the program (Debian: `apt-get install prometheus`) and the brokers. */
const check = checkIf(server && kafka && jetStream, prometheus);
const stopping = new AbortController();
let load: Promise<unknown> = Promise.resolve();

prometheus.before(async () => {
  if (!server) return;
  load = loadUntil(stopping.signal);
  await until("a letter can be redriven", async () => (await auditOf(service.url)).dead > 0);
  const letters = await (await fetch(`${service.url}/deadletters?limit=1`)).json();
  const [letter] = (letters as { deadletters: { position: string }[] }).deadletters;
  await fetch(`${service.url}/deadletters/${letter?.position}/redrive`, { method: "POST", body: "{}" });
  await until("Prometheus has seen it", async () => (await server.query(REDRIVES))[0] !== undefined);
});

const REDRIVES = 'rate(waybill_http_request_duration_seconds_count{route=~"/deadletters.*redrive"}[1m]) >= 0';

/** Orders, garbage, duplicates and conflicts; reads that hit and miss; a request that fails. */
async function loadUntil(signal: AbortSignal): Promise<void> {
  await using transport = await connectToBroker({
    url: broker.NATS_URL as string,
    clusterId: "test-cluster",
    channel: broker.STAN_CHANNEL as string,
  });
  const factory = new OrderFactory(4);
  const others = KITS.filter((kit) => kit !== ordersKit).map((kit) => ({
    kit,
    commands: kit.createFactory(4),
  }));
  while (!signal.aborted) {
    const messages = [...makeLoad(ordersKit, factory, 40, { garbage: 0.2, duplicates: 0.1, conflicts: 0.1 })];
    const options = { rate: 0, verifyUrl: undefined, onProgress: () => {}, signal };
    await publish({ kit: ordersKit, transport, load: messages, ...options });
    for (const { key } of messages) await fetch(`${service.url}/orders/${key ?? "nobody"}`);
    await fetch(`${service.url}/orders`, { method: "POST", body: "garbage" });
    for (const sku of [1_002, 1]) await fetch(`${service.url}/product/${sku}`);
    for (const { kit, commands } of others) {
      // Between two rounds the service may close a connection that is not used.
      await using http = connectToHttp(service.url, kit.intake, undefined);
      for (let count = 0; count < 10; count++) await http.publish(commands.valid().payload);
    }
    for (let user = 31_337; user < 31_342; user++)
      await fetch(`${service.url}/cart/list`, { method: "POST", body: JSON.stringify({ user }) });
    // As often as Prometheus scrapes.
    await delay(1_000);
  }
}

/** Grafana's query for all domains. */
const overAllDomains = (expression: string) => expression.replaceAll("$domain", ".*");

check("the rules and the configuration are valid, and each alert fires and does not fire", async () => {
  for (const args of [
    ["check", "config", "prometheus.yml"],
    ["check", "rules", "alerts.yml"],
    ["test", "rules", "alerts.test.yml"],
  ]) {
    // Waiting for it without the event loop would let the connections of the load expire. It throws with the output.
    await promisify(execFile)("promtool", args, { cwd: OBSERVABILITY });
  }
});

check("each alert has a test in which it fires and a runbook that says what to do", async () => {
  const rules = await readFile(join(OBSERVABILITY, "alerts.yml"), "utf8");
  const tests = await readFile(join(OBSERVABILITY, "alerts.test.yml"), "utf8");
  const alerts = rules.split("- alert: ").slice(1);
  assert.ok(alerts.length > 10);
  for (const alert of alerts) {
    const name = /^\w+/.exec(alert)?.[0];
    const ofAlert = tests.split("\n").filter((line) => line.includes(`alertname="${name}"`));
    assert.ok(
      ofAlert.some((line) => line.includes("value: 1")),
      `${name} is made to fire`,
    );
    assert.ok(
      ofAlert.some((line) => line.includes("exp_samples: []")),
      `${name} is made not to fire`,
    );
    assert.match(alert, /runbook: (&burn )?>-\s+Means: [\s\S]*Look\s+at:[\s\S]*Do:|runbook: \*burn/, name);
  }
});

check("an alert over a metric of domains fires for each domain, and its summary names it", async () => {
  const text = await readFile(join(OBSERVABILITY, "alerts.yml"), "utf8");
  const withDomain = await server?.query('group by (__name__) ({__name__=~"waybill_.*", domain!=""})');
  const names = withDomain?.map(({ metric }) => metric.__name__ as string) ?? [];
  let alerts = 0;
  for (const alert of text.split("- alert: ").slice(1)) {
    if (!names.some((name) => new RegExp(`\\b${name}\\b`).test(alert.split("annotations:")[0] as string)))
      continue;
    alerts += 1;
    const name = /^\w+/.exec(alert)?.[0];
    assert.match(alert, /by \(domain\b/, name);
    assert.match(alert, /summary: .*\{\{ \$labels\.domain \}\}/, name);
  }
  assert.ok(alerts > 10);
});

check("every line over a metric of domains is of the chosen domains, and says of which", async () => {
  const withDomain = await server?.query('group by (__name__) ({__name__=~"waybill_.*", domain!=""})');
  const names = withDomain?.map(({ metric }) => metric.__name__ as string) ?? [];
  for (const { title, rows } of DASHBOARDS) {
    for (const panel of Object.values(rows).flat()) {
      for (const [legend, expression] of Object.entries(panel.queries)) {
        const metrics = expression.match(/\bwaybill_\w+\b(\{[^}]*\})?/g) ?? [];
        const where = `${title}: ${panel.title}: ${expression}`;
        for (const metric of metrics.filter((one) => names.includes(one.replace(/\{.*/, "")))) {
          // The legend says that this is the sum of all domains.
          if (legend.startsWith("all ")) continue;
          const isOfOne = /domain="\w+"/.test(metric);
          assert.ok(isOfOne || metric.includes(OF_DOMAINS), where);
          assert.ok(isOfOne || legend.includes("{{domain}}"), where);
        }
      }
    }
  }
});

check("every expression of every panel gives data, or it is said why not", async () => {
  const panels = DASHBOARDS.flatMap(({ title, rows }) =>
    Object.values(rows).flatMap((all) =>
      all.map((panel) => ({ ...panel, place: `${title}: ${panel.title}` })),
    ),
  );
  const queries = panels.flatMap(({ place, emptyBecause, queries }) =>
    Object.values(queries).map((query) => ({ place, emptyBecause, expression: overAllDomains(query) })),
  );
  assert.ok(queries.length > 40);
  const ask = async (expression: string) =>
    (await server?.query(expression))?.some(({ value }) => value[1] !== "NaN");
  for (const { expression } of queries.filter(({ emptyBecause }) => emptyBecause)) await ask(expression);
  // All together: waiting for each empty query alone would take minutes.
  let empty = queries.filter(({ emptyBecause }) => !emptyBecause);
  await until(
    () => `these give data: ${empty.map(({ place, expression }) => `${place}: ${expression}`).join("; ")}`,
    async () => {
      const left = [];
      for (const query of empty) if (!(await ask(query.expression))) left.push(query);
      empty = left;
      return empty.length === 0;
    },
  );
});

check("what may be empty is few, and with dead letters around it is not", async () => {
  const panels = DASHBOARDS.flatMap(({ rows }) => Object.values(rows).flat());
  const excused = panels.filter(({ emptyBecause }) => emptyBecause !== undefined);
  assert.ok(excused.length <= 9, excused.map(({ title }) => title).join(", "));
  for (const { title, queries, emptyBecause } of excused) {
    // Both need more than the few minutes of a test.
    if (/hour of history|has failed yet/.test(emptyBecause as string)) continue;
    for (const expression of Object.values(queries).map(overAllDomains)) {
      await until(`${title} has data`, async () => (await server?.query(expression))?.[0]);
    }
  }
});

check("every alert is evaluated without an error over metrics that exist, and none fires", async () => {
  const rules = await until("all rules were evaluated", async () => {
    const all = await server?.rules();
    return all?.every(({ health }) => health !== "unknown") && all;
  });
  assert.ok(rules.length > 15);
  for (const { name, health, lastError, query, type } of rules) {
    assert.is(health, "ok", `${name}: ${lastError}`);
    if (type !== "alerting") continue;
    for (const [metric] of query.matchAll(/\b(waybill_\w+|up)\b/g)) {
      assert.ok(
        (await server?.query(`count(${metric})`))?.[0],
        `${name} asks for ${metric}, which does not exist`,
      );
    }
  }
  // The test's garbage triggers the alert for dead letters.
  const firing = (await server?.firing())?.filter((name) => name !== "WaybillDeadLetterSurge");
  assert.equal(firing, []);
});

check("a figure leads to the trace of a message that made it", async () => {
  const traceId = "0af7651916cd43dd8448eb211c80319c";
  await fetch(`${service.url}/orders`, {
    method: "POST",
    body: toPayload(new OrderFactory(77).next()).toString(),
    headers: { traceparent: `00-${traceId}-b7ad6b7169203331-01` },
  });
  await until("the exemplar is there", async () =>
    (await server?.exemplars("waybill_publish_to_readable_seconds_bucket"))?.some(
      ({ trace_id }) => trace_id === traceId,
    ),
  );
});

check("no label has many values, for any messages", async () => {
  const counts = await server?.query('count by (__name__) ({__name__=~"waybill_.*", __name__!~".*_bucket"})');
  for (const { metric, value } of counts ?? []) {
    assert.ok(Number(value[1]) <= 100, `${metric.__name__} has ${value[1]} series`);
  }
});

prometheus("the dashboards in the folder are those of the code", async () => {
  for (const dashboard of DASHBOARDS) {
    const file = new URL(`../../dashboards/${fileOf(dashboard)}`, import.meta.url);
    assert.is(
      await readFile(file, "utf8"),
      jsonOf(dashboard),
      `npm run dashboards writes ${fileOf(dashboard)}`,
    );
  }
});

prometheus("each panel says what it shows, in which unit", () => {
  for (const { title, rows } of DASHBOARDS) {
    for (const panel of Object.values(rows).flat()) {
      assert.ok(panel.description.length > 20, `${title}: ${panel.title}`);
      assert.ok(panel.unit);
    }
  }
});

prometheus.after(async () => {
  stopping.abort();
  await load;
  await started[Symbol.asyncDispose]();
});
prometheus.run();
