/** Traces as a real Jaeger returns them: of an order, a dead letter and its redrive, over every hop. */
import { spawn } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { idsOf } from "../../src/telemetry/trace-ids.ts";
import { OrderFactory, toPayload } from "../../tools/domains/orders/factory.ts";
import { COMPILED } from "../../tools/stack/compiled.ts";
import { Jaeger, type JaegerSpan } from "../../tools/stack/jaeger.ts";
import { checkIf } from "../support/check-if.ts";
import { createDatabase, environment } from "../support/database.ts";
import { brokerEnvironment, startAsProcess } from "../support/service.ts";
import { until } from "../support/wait.ts";

const tracing = suite("tracing");
const folder = environment("WAYBILL_TEST_FOLDER");
const jaeger = await Jaeger.start(join(folder, "jaeger"), () => {});
/** Skipped without the program, which needs Go to be built. */
const check = checkIf(jaeger, tracing);
const database = await createDatabase();
const broker = brokerEnvironment();
const traced = {
  ...jaeger?.environment,
  OTEL_TRACES_EXPORTER: "jaeger",
  OTEL_BSP_SCHEDULE_DELAY: "100",
};
const service = await startAsProcess(database.serviceUrl, {
  ...broker,
  ...traced,
  SOURCES: "nats-streaming,http",
});
const factory = new OrderFactory(1);

/** Publishes with the publisher's command, which has spans of its own. @returns the ids of their trace. */
async function publish(payload: Buffer, exporter: string | undefined = traced.OTEL_TRACES_EXPORTER) {
  const { traceId } = idsOf(payload);
  const file = join(folder, traceId);
  await writeFile(file, payload);
  const child = spawn(process.execPath, ["tools/publisher/main.ts", "--file", file, "--json"], {
    env: { PATH: process.env.PATH, ...COMPILED, ...broker, ...traced, OTEL_TRACES_EXPORTER: exporter },
    stdio: ["ignore", "ignore", "inherit"],
  });
  assert.is(await new Promise((resolve) => child.once("close", resolve)), 0);
  return idsOf(payload);
}

/** The spans of a trace by name, once the given ones exist. */
async function spansOf(traceId: string, ...names: readonly string[]) {
  let found: readonly JaegerSpan[] | undefined;
  const spans = await until(`Jaeger has ${names.join(", ")}`, async () => {
    found = await jaeger?.spansOf(traceId);
    return names.every((name) => found?.some(({ operationName }) => operationName === name)) && found;
  }).catch((error: Error) => {
    throw new Error(`${error.message}: it has ${found?.map(({ operationName }) => operationName)}`);
  });
  return (name: string) => {
    const span = spans.find(({ operationName }) => operationName === name);
    assert.ok(span, `${name} among ${spans.map(({ operationName }) => operationName)}`);
    return span;
  };
}

const parentOf = ({ references }: JaegerSpan) =>
  references.find(({ refType }) => refType === "CHILD_OF")?.spanID;
const linkOf = ({ references }: JaegerSpan) => references.find(({ refType }) => refType === "FOLLOWS_FROM");
const tagOf = ({ tags }: JaegerSpan, key: string) => tags.find((tag) => tag.key === key)?.value;
const biographyOf = async (position: unknown) =>
  (await fetch(`${service.url}/messages/${position}?wait=10`)).json() as Promise<{
    outcome: string;
    traceparent: string | null;
    links: { redriven_as?: string };
  }>;

check("an order: publish → receive → append → project, with its batches linked", async () => {
  const { traceId, spanId } = await publish(toPayload(factory.next()));
  const span = await spansOf(traceId, "publish", "receive", "append", "project");
  assert.is(span("publish").spanID, spanId);
  assert.is(parentOf(span("publish")), undefined);
  assert.is(parentOf(span("receive")), spanId);
  assert.is(parentOf(span("append")), span("receive").spanID);
  assert.is(parentOf(span("project")), span("receive").spanID);
  assert.is(tagOf(span("project"), "waybill.outcome"), "projected");
  const position = tagOf(span("project"), "waybill.position");
  assert.is((await biographyOf(position)).traceparent, `00-${traceId}-${span("receive").spanID}-01`);
  const events = span("project").logs.flatMap(({ fields }) => fields.map(({ value }) => value));
  assert.ok(events.includes("readable"));

  const link = linkOf(span("append"));
  assert.is.not(link?.traceID, traceId);
  const batch = await spansOf(link?.traceID as string, "append batch", "project batch", "wake up");
  assert.is(batch("append batch").spanID, link?.spanID);
  assert.is(linkOf(batch("append batch"))?.traceID, traceId);
  assert.is(parentOf(batch("append batch")), undefined);
  assert.is(parentOf(batch("project batch")), batch("append batch").spanID);
  assert.is(parentOf(batch("wake up")), batch("append batch").spanID);
  assert.is(linkOf(span("project"))?.spanID, batch("project batch").spanID);
});

check("the statements of a batch stand below it, without a value in them", async () => {
  const order = factory.next();
  const { traceId } = await publish(toPayload(order));
  const link = linkOf((await spansOf(traceId, "append"))("append"));
  const spans = await until("Jaeger has the statements", async () => {
    const found = (await jaeger?.spansOf(link?.traceID as string)) ?? [];
    return found.filter(({ tags }) => tags.some(({ value }) => value === "postgresql")).length > 1 && found;
  });
  const batch = spans.find(({ operationName }) => operationName === "append batch");
  const statements = spans.filter((span) => parentOf(span) === batch?.spanID && tagOf(span, "db.query.text"));
  assert.ok(statements.some((span) => /copy inbox/.test(String(tagOf(span, "db.query.text")))));
  const text = JSON.stringify(spans);
  for (const value of [order.order_uid, order.delivery.name, order.delivery.phone, order.delivery.email]) {
    assert.not(text.includes(value), `${value} in a span`);
  }
});

check("a dead letter, its redrive by an operator, and what becomes of that: one trace", async () => {
  const order = factory.next();
  const broken = toPayload({ ...order, track_number: 7 });
  const { traceId } = await publish(broken);
  const dead = await spansOf(traceId, "project");
  assert.is(tagOf(dead("project"), "waybill.outcome"), "dead");
  assert.is(tagOf(dead("project"), "waybill.code"), "schema");
  assert.is(tagOf(dead("project"), "error"), true);
  const position = tagOf(dead("project"), "waybill.position");

  const response = await fetch(`${service.url}/deadletters/${position}/redrive`, {
    method: "POST",
    body: JSON.stringify({ payload: toPayload(order).toString(), author: "me", reason: "mended" }),
  });
  assert.is(response.status, 202, await response.text());
  const whole = await until("Jaeger has the redrive's projection", async () => {
    const found = await jaeger?.spansOf(traceId);
    return found?.filter(({ operationName }) => operationName === "project").length === 2 && found;
  });
  const redrive = whole.find(({ operationName }) => operationName === "redrive") as JaegerSpan;
  const receive = whole.find(({ operationName }) => operationName === "receive") as JaegerSpan;
  assert.is(parentOf(redrive), receive.spanID);
  const projection = whole.find((span) => parentOf(span) === redrive.spanID) as JaegerSpan;
  assert.is(projection.operationName, "project");
  assert.is(tagOf(projection, "waybill.outcome"), "projected");
  const request = await spansOf(linkOf(redrive)?.traceID as string, "POST /deadletters/:position/redrive");
  assert.is(request("POST /deadletters/:position/redrive").spanID, linkOf(redrive)?.spanID);
});

check("a request's trace continues; without one it begins with the request", async () => {
  const traceId = "0af7651916cd43dd8448eb211c80319c";
  const post = (headers: Record<string, string>) =>
    fetch(`${service.url}/orders`, {
      method: "POST",
      body: toPayload(factory.next()).toString(),
      headers,
    });
  const response = await post({ traceparent: `00-${traceId}-b7ad6b7169203331-01` });
  const span = await spansOf(traceId, "POST /orders", "receive", "project");
  assert.is(parentOf(span("POST /orders")), "b7ad6b7169203331");
  assert.is(parentOf(span("receive")), span("POST /orders").spanID);
  assert.is(tagOf(span("POST /orders"), "client.address"), undefined);
  const { position } = (await response.json()) as { position: string };
  assert.match((await biographyOf(position)).traceparent ?? "", traceId);

  const begun = (await (await post({})).json()) as { position: string };
  assert.match((await biographyOf(begun.position)).traceparent ?? "", /^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);

  // The caller does not want a trace.
  const unwanted = `00-${traceId.replace("0", "1")}-b7ad6b7169203331-00`;
  const { position: untraced } = (await (await post({ traceparent: unwanted })).json()) as {
    position: string;
  };
  assert.is((await biographyOf(untraced)).traceparent, unwanted);
});

check("unsampled work leaves no span, by any trigger", async () => {
  const traceId = "1af7651916cd43dd8448eb211c80319d";
  const post = (flags: string) =>
    fetch(`${service.url}/orders`, {
      method: "POST",
      body: toPayload(factory.next()).toString(),
      headers: { traceparent: `00-${traceId}-b7ad6b7169203331-${flags}` },
    });
  // The first request finds everything idle, so the loops of appends and projections begin in its turn; later ones keep
  // them running.
  const stream = async (first: string) => {
    await post(first);
    for (let more = 0; more < 30; more++) await post("00");
  };
  await Promise.all([stream("01"), ...Array.from({ length: 7 }, () => stream("00"))]);
  await spansOf(traceId, "project");
  await until("everything is projected", async () => {
    const { domains } = (await (await fetch(`${service.url}/audit`)).json()) as {
      domains: { orders: { pending: number } };
    };
    return domains.orders.pending === 0;
  });
  const { rows } = await database.admin("select count(*)::int as n from inbox where traceparent like $1", [
    `00-${traceId}-%-01`,
  ]);
  assert.is(rows[0].n, 1);
  const statements = ((await jaeger?.spansOf(traceId)) ?? []).filter(({ tags }) =>
    tags.some(({ value }) => value === "postgresql"),
  );
  assert.equal(
    statements.map(({ operationName }) => operationName),
    [],
  );
});

check("the same by OTLP, and a ratio that publisher and service apply alike", async () => {
  await using other = await createDatabase();
  const ratio = { OTEL_TRACES_SAMPLER: "parentbased_traceidratio", OTEL_TRACES_SAMPLER_ARG: "0.5" };
  const names = brokerEnvironment();
  const started = await startAsProcess(other.serviceUrl, {
    ...names,
    ...traced,
    ...ratio,
    SOURCES: "nats-streaming",
    OTEL_TRACES_EXPORTER: "otlp",
  });
  const payloads = Array.from({ length: 40 }, () => toPayload(factory.next()));
  const file = join(folder, "lines");
  await writeFile(file, payloads.map((payload) => `${payload}\n`).join(""));
  const child = spawn(process.execPath, ["tools/publisher/main.ts", "--file", file, "--lines", "--json"], {
    env: { PATH: process.env.PATH, ...COMPILED, ...names, ...traced, ...ratio, OTEL_TRACES_EXPORTER: "otlp" },
    stdio: ["ignore", "ignore", "inherit"],
  });
  assert.is(await new Promise((resolve) => child.once("close", resolve)), 0);
  const { rows } = await until("all are projected", async () => {
    const found = await other.admin("select payload, traceparent from orders join inbox using (position)");
    return found.rows.length === payloads.length && found;
  });
  const sampled = rows.filter(({ traceparent }) => traceparent !== null);
  assert.ok(sampled.length > 5 && sampled.length < 35, `${sampled.length} of 40`);
  for (const { payload, traceparent } of sampled) {
    assert.is(traceparent.slice(3, 35), idsOf(payload).traceId);
    await spansOf(traceparent.slice(3, 35), "publish", "receive", "append", "project");
  }
  await started.child.end("SIGTERM");
});

check(
  "more messages at once than may be traced in a second: some are traced whole, the others not at all",
  async () => {
    await using other = await createDatabase();
    const names = brokerEnvironment();
    const environment = { ...names, ...traced, SOURCES: "nats-streaming", TRACES_PER_SECOND_MAX: "2" };
    const started = await startAsProcess(other.serviceUrl, environment);
    const file = join(folder, "flood");
    const payloads = Array.from({ length: 200 }, () => toPayload(factory.next()));
    await writeFile(file, payloads.map((payload) => `${payload}\n`).join(""));
    const child = spawn(process.execPath, ["tools/publisher/main.ts", "--file", file, "--lines", "--json"], {
      env: { PATH: process.env.PATH, ...COMPILED, ...names },
      stdio: ["ignore", "ignore", "inherit"],
    });
    assert.is(await new Promise((resolve) => child.once("close", resolve)), 0);
    const { rows } = await until("all are projected", async () => {
      const found = await other.admin("select traceparent from orders join inbox using (position)");
      return found.rows.length === payloads.length && found;
    });
    const traces = rows.flatMap(({ traceparent }) =>
      traceparent === null ? [] : [traceparent.slice(3, 35)],
    );
    assert.ok(traces.length >= 2 && traces.length < 100, `${traces.length} of 200`);
    for (const traceId of traces) await spansOf(traceId, "receive", "append", "project");
    await started.child.end("SIGTERM");
  },
);

for (const [trouble, answers] of [
  ["refuses", undefined],
  ["accepts and never answers", () => {}],
] as const) {
  tracing(`a collector that ${trouble} is said once and counted, and does not hold up a stop`, async () => {
    await using other = await createDatabase();
    const collector = createServer(answers ?? ((_request, response) => response.writeHead(503).end()));
    await new Promise<void>((resolve) => collector.listen(0, "127.0.0.1", resolve));
    using _closing = { [Symbol.dispose]: () => collector.close().closeAllConnections() };
    const { port } = collector.address() as AddressInfo;
    const away = await startAsProcess(other.serviceUrl, {
      SOURCES: "http",
      OTEL_TRACES_EXPORTER: "otlp",
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}`,
      OTEL_BSP_SCHEDULE_DELAY: "100",
    });
    const body = toPayload(factory.next()).toString();
    await fetch(`${away.url}/orders`, { method: "POST", body });
    await until("spans are counted as dropped", async () => {
      const metrics = await (await fetch(`${away.url}/metrics`)).text();
      return /^waybill_spans_dropped_total [1-9]/m.test(metrics);
    });
    await fetch(`${away.url}/orders`, { method: "POST", body });
    const begun = performance.now();
    await away.child.end("SIGTERM");
    assert.is(await away.child.ended, 0);
    // Without a timeout of its own the flush would use up the process's ten seconds.
    assert.ok(performance.now() - begun < 9_000);
  });
}

tracing("without an exporter nothing is kept and nothing is sent", async () => {
  await using other = await createDatabase();
  const quiet = await startAsProcess(other.serviceUrl);
  const response = await fetch(`${quiet.url}/orders`, {
    method: "POST",
    body: toPayload(factory.next()).toString(),
  });
  const { position } = (await response.json()) as { position: string };
  const biography = await (await fetch(`${quiet.url}/messages/${position}?wait=10`)).json();
  assert.is((biography as { traceparent: null }).traceparent, null);
  await quiet.child.end("SIGTERM");
});

tracing.after(async () => {
  await service.child.end("SIGTERM");
  await jaeger?.[Symbol.asyncDispose]();
  await database[Symbol.asyncDispose]();
});
tracing.run();
