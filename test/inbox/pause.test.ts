/** Operators pause and resume sources, each against its real broker. */
import { randomUUID } from "node:crypto";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { ordersKit } from "../../tools/domains/orders/index.ts";
import { connectTo } from "../../tools/publisher/connect.ts";
import { BROKER_KINDS, type BrokerKind } from "../../tools/stack/broker.ts";
import { createDatabase } from "../support/database.ts";
import { brokerEnvironment, startInProcess } from "../support/service.ts";
import { sharedKafka, startJetStream } from "../support/sources.ts";
import { until } from "../support/wait.ts";
import { runWaybill } from "../support/waybill.ts";

const pausing = suite("pausing");
const started = new AsyncDisposableStack();
const kafka = sharedKafka();
const jetStream = await startJetStream();
if (jetStream) started.defer(() => jetStream.stop("SIGKILL"));

const name = randomUUID();
const ENVIRONMENTS: Readonly<Record<BrokerKind, Record<string, string> | undefined>> = {
  "nats-streaming": brokerEnvironment(),
  kafka: kafka && { ...kafka.environment(), KAFKA_TOPIC: `topic-${name}`, KAFKA_CREATE_TOPIC: "1" },
  jetstream: jetStream && {
    ...jetStream.environment(),
    JETSTREAM_STREAM: name,
    JETSTREAM_SUBJECT: name,
    JETSTREAM_ACK_WAIT_SECONDS: "1",
  },
};
const brokers = BROKER_KINDS.filter((kind) => ENVIRONMENTS[kind]);
const environment: Record<string, string> = Object.assign({}, ...brokers.map((kind) => ENVIRONMENTS[kind]));

type Started = Awaited<ReturnType<typeof startInProcess>>;
type SourceStatus = Readonly<{ source: string; connected: boolean; paused: boolean }>;

const decide = (url: string, action: string, source: string, author = "ann") =>
  fetch(`${url}/sources/orders/${source}/${action}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ author, reason: "a sender is broken" }),
  });

async function sourcesOf(url: string): Promise<SourceStatus[]> {
  const { sources } = (await (await fetch(`${url}/status.json`)).json()) as { sources: SourceStatus[] };
  return sources;
}

const areAll = (url: string, paused: boolean) => async () => {
  const sources = (await sourcesOf(url)).filter(({ source }) => brokers.includes(source as BrokerKind));
  return sources.every((source) => source.paused === paused && source.connected === !paused);
};

pausing(
  "each broker source: nothing is stored during a pause; afterwards everything, once and in order",
  async () => {
    await using database = await createDatabase();
    const start = () => startInProcess(database, { ...environment, SOURCES: [...brokers, "http"].join() });
    const storedBy = async (source: string): Promise<string[]> =>
      (
        await database.query(
          "select convert_from(payload, 'UTF8') as text from inbox where source = $1 order by position",
          [source],
        )
      ).rows.map(({ text }) => text);
    const publish = async (prefix: string, count: number) => {
      for (const kind of brokers) {
        await using transport = await connectTo(ordersKit, kind, environment);
        for (let index = 0; index < count; index++)
          await transport.publish(Buffer.from(`${prefix} ${index}`));
      }
    };
    const expected = (prefix: string, count: number) =>
      Array.from({ length: count }, (_none, index) => `${prefix} ${index}`);

    let service: Started = await start();
    try {
      await publish("before", 20);
      await until("the first messages are stored", async () =>
        (await Promise.all(brokers.map(storedBy))).every(({ length }) => length === 20),
      );
      for (const kind of brokers) assert.is((await decide(service.url, "pause", kind)).status, 200);
      await until("all are paused", areAll(service.url, true));
      await publish("during", 50);
      // A restart must not resume them.
      await service[Symbol.asyncDispose]();
      service = await start();
      assert.ok(await areAll(service.url, true)(), "a restarted process is ready with its sources paused");
      await publish("after the restart", 50);
      // Several messages of another source pass meanwhile.
      for (let index = 0; index < 5; index++) {
        const stored = await fetch(`${service.url}/orders`, { method: "POST", body: `over HTTP ${index}` });
        assert.is(stored.status, 202);
      }
      for (const kind of brokers) assert.equal(await storedBy(kind), expected("before", 20), kind);

      const resumed = await runWaybill(["resume", "--domain", "orders", "--reason", "repaired", "--json"], {
        DATABASE_URL: database.serviceUrl,
        SOURCES: brokers.join(),
      });
      assert.is(resumed.status, 0, resumed.output);
      await until("all are resumed", areAll(service.url, false));
      const all = [
        ...expected("before", 20),
        ...expected("during", 50),
        ...expected("after the restart", 50),
      ];
      await until("everything is stored", async () =>
        (await Promise.all(brokers.map(storedBy))).every(({ length }) => length >= all.length),
      );
      for (const kind of brokers) assert.equal(await storedBy(kind), all, kind);
      const metrics = await (await fetch(`${service.url}/metrics`)).text();
      for (const kind of brokers) {
        if (kind === "kafka") continue;
        assert.match(
          metrics,
          new RegExp(`waybill_source_redelivered_total\\{[^}]*source="${kind}"[^}]*\\} 0$`, "m"),
          `${kind} redelivers nothing that was stored before the pause`,
        );
      }
    } finally {
      await service[Symbol.asyncDispose]();
    }
  },
);

pausing(
  "the http source answers 503 in every process, and readiness, metrics and desk tell why",
  async () => {
    await using database = await createDatabase();
    await using first = await startInProcess(database);
    await using second = await startInProcess(database);
    const post = (url: string) => fetch(`${url}/orders`, { method: "POST", body: "x" });

    const paused = await decide(first.url, "pause", "http");
    const { paused: pause } = (await paused.json()) as { paused: { author: string; reason: string } };
    assert.equal([pause.author, pause.reason], ["ann", "a sender is broken"]);
    await until("the other process follows", async () => (await post(second.url)).status === 503);

    const refused = await post(first.url);
    const problem = await refused.text();
    assert.is(refused.status, 503);
    assert.is(refused.headers.get("retry-after"), "30");
    assert.is(JSON.parse(problem).type, "urn:waybill:problem:paused");
    assert.not.match(problem, /ann|a sender is broken/, "senders do not learn who paused it and why");

    const ready = await fetch(`${first.url}/readyz`);
    assert.is(ready.status, 200, "a restart would not help, so the process stays ready");
    const { domains } = (await ready.json()) as { domains: { orders: { warnings: string[] } } };
    assert.equal(domains.orders.warnings, ["source http is paused by an operator and receives no messages"]);
    const metrics = await (await fetch(`${first.url}/metrics`)).text();
    assert.match(metrics, /^waybill_source_paused\{domain="orders",source="http"\} 1$/m);

    await decide(first.url, "pause", "http", "bob");
    const shown = await (await fetch(`${second.url}/sources`)).json();
    assert.is(shown.sources[0].paused.author, "ann", "the first decision stays");
    assert.is(shown.actions.length, 1, "a decision without effect is not recorded");
    const listed = await runWaybill(["sources"], { DATABASE_URL: database.serviceUrl, SOURCES: "http" });
    assert.match(listed.stdout, /orders +http +paused +ann +a sender is broken/);

    assert.is((await decide(first.url, "pause", "kafka")).status, 404, "this process does not run it");
    assert.is((await decide(first.url, "pause", "http", "")).status, 400, "an author is required");
    assert.is((await decide(first.url, "resume", "http", "bob")).status, 200);
    await until("both receive again", async () => {
      const statuses = await Promise.all([first, second].map(async ({ url }) => (await post(url)).status));
      return statuses.every((status) => status === 202);
    });
    const { rows } = await database.query("select action, source, author from source_actions order by id");
    assert.equal(rows, [
      { action: "pause", source: "http", author: "ann" },
      { action: "resume", source: "http", author: "bob" },
    ]);
  },
);

pausing.after(() => started.disposeAsync());
pausing.run();
