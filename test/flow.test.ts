/** The whole path through each real broker: 1,000 invalid messages among 1,000 valid orders. */
import { randomUUID } from "node:crypto";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { OrderFactory, toPayload } from "../tools/domains/orders/factory.ts";
import { ordersKit } from "../tools/domains/orders/index.ts";
import { connectTo } from "../tools/publisher/connect.ts";
import { garbageKinds, makeGarbage } from "../tools/publisher/garbage.ts";
import { Verifier } from "../tools/publisher/verify.ts";
import { BROKER_KINDS, type BrokerKind } from "../tools/stack/broker.ts";
import { checkIf } from "./support/check-if.ts";
import { createDatabase } from "./support/database.ts";
import { auditOf, brokerEnvironment, startAsProcess } from "./support/service.ts";
import { sharedKafka, startJetStream } from "./support/sources.ts";
import { until } from "./support/wait.ts";

const KINDS = garbageKinds(ordersKit);
const flow = suite("flow");
const started = new AsyncDisposableStack();
const kafka = sharedKafka();
const jetStream = await startJetStream();
if (jetStream) started.defer(() => jetStream.stop("SIGKILL"));

/** For each kind of broker, a new channel for service and publisher; undefined if the broker is missing. */
const BROKERS: Readonly<Record<BrokerKind, (() => Record<string, string>) | undefined>> = {
  "nats-streaming": brokerEnvironment,
  kafka: kafka && (() => ({ ...kafka.environment(), KAFKA_TOPIC: `topic-${randomUUID()}` })),
  jetstream:
    jetStream &&
    (() => {
      const name = randomUUID();
      return { ...jetStream.environment(), JETSTREAM_STREAM: name, JETSTREAM_SUBJECT: name };
    }),
};

for (const source of BROKER_KINDS) {
  const environment = BROKERS[source];
  const check = checkIf(environment, flow);
  check(
    `${source}: invariant 9: each piece of garbage ends as one dead letter with the right code and path, the orders untouched`,
    () => sendGarbageAmidOrders(source, (environment as NonNullable<typeof environment>)()),
  );
}

async function sendGarbageAmidOrders(source: BrokerKind, names: Record<string, string>): Promise<void> {
  await using database = await createDatabase();
  const service = await startAsProcess(database.serviceUrl, { ...names, SOURCES: source });
  const factory = new OrderFactory(21);
  const orders: { key: string; published: Buffer[] }[] = [];
  const garbage: ReturnType<typeof makeGarbage>[] = [];
  {
    await using transport = await connectTo(ordersKit, source, names);
    const publishing: Promise<void>[] = [];
    for (let index = 0; index < 1_000; index++) {
      const order = factory.next();
      orders.push({ key: order.order_uid, published: [toPayload(order)] });
      const piece = makeGarbage(ordersKit, factory, KINDS[index % KINDS.length]);
      garbage.push(piece);
      publishing.push(transport.publish(toPayload(order)), transport.publish(piece.payload));
      if (publishing.length >= 200) await Promise.all(publishing.splice(0));
    }
    await Promise.all(publishing);
  }
  await until("everything is processed", async () => {
    const { received, pending } = await auditOf(service.url);
    return received === 2_000 && pending === 0;
  });
  const sum = await auditOf(service.url);
  assert.equal([sum.holds, sum.projected, sum.duplicate, sum.dead], [true, 1_000, 0, 1_000]);

  // Compares each letter with the payload of the same bytes.
  const { rows } = await database.admin(
    "select payload, code, errors from dead_letters join inbox using (position) order by position",
  );
  const expected = new Map<string, typeof garbage>();
  for (const piece of garbage) {
    const key = piece.payload.toString("latin1");
    expected.set(key, [...(expected.get(key) ?? []), piece]);
  }
  for (const { payload, code, errors } of rows) {
    const piece = expected.get(payload.toString("latin1"))?.pop();
    assert.ok(piece, "a dead letter holds bytes that were never published");
    assert.is(code, piece?.code, piece?.kind);
    const paths = errors.map(({ path }: { path: string }) => path).sort();
    if (piece?.paths) assert.equal(paths, [...piece.paths].sort(), piece.kind);
  }
  const verifier = new Verifier(service.url, ordersKit.readBack);
  const { missing, different } = await verifier.check(orders, () => {});
  verifier.close();
  assert.equal([missing, different], [[], []]);

  // No retry loop: nothing was delivered or projected more than once.
  const metrics = await (await fetch(`${service.url}/metrics`)).text();
  assert.match(metrics, /waybill_inbox_appended_total\{[^}]*\} 2000$/m);
  assert.match(metrics, /waybill_outcomes_total\{domain="orders",outcome="projected",code=""\} 1000$/m);
  await service.child.end("SIGTERM");
}

const all = checkIf(Object.values(BROKERS).every(Boolean), flow);
all(
  "three brokers at once: an order that comes by each of them is one order; one broker that goes away stops no other",
  async () => {
    await using database = await createDatabase();
    const names = Object.assign({}, ...BROKER_KINDS.map((kind) => BROKERS[kind]?.()));
    const service = await startAsProcess(database.serviceUrl, {
      ...names,
      SOURCES: [...BROKER_KINDS, "http"].join(),
    });
    const factory = new OrderFactory(22);
    const orders = Array.from({ length: 200 }, () => factory.next());
    for (const kind of BROKER_KINDS) {
      await using transport = await connectTo(ordersKit, kind, names);
      await Promise.all(orders.map((order) => transport.publish(toPayload(order), { key: order.order_uid })));
    }
    const settled = (received: number) => async () => {
      const sum = await auditOf(service.url);
      return sum.received === received && sum.pending === 0;
    };
    await until("everything is processed", settled(600));
    const { holds, projected, duplicate } = await auditOf(service.url);
    assert.equal([holds, projected, duplicate], [true, 200, 400]);
    const { rows } = await database.admin(
      "select source, count(*)::int as count from inbox group by source order by source",
    );
    assert.equal(
      rows.map(({ source, count }) => [source, count]),
      [
        ["jetstream", 200],
        ["kafka", 200],
        ["nats-streaming", 200],
      ],
    );

    const metrics = async () => await (await fetch(`${service.url}/metrics`)).text();
    const lagOf = (source: string) =>
      new RegExp(`^waybill_source_lag_messages\\{domain="orders",source="${source}"`, "m");
    for (const source of ["kafka", "jetstream"]) assert.match(await metrics(), lagOf(source));

    await jetStream?.stop("SIGKILL");
    const reasons = async () =>
      ((await (await fetch(`${service.url}/readyz`)).json()) as { reasons?: string[] }).reasons ?? [];
    await until("readiness says which", async () => (await reasons()).length > 0);
    assert.equal(await reasons(), ["source jetstream is not connected"]);
    for (const [source, value] of [
      ["jetstream", 0],
      ["kafka", 1],
      ["nats-streaming", 1],
    ]) {
      assert.match(
        await metrics(),
        new RegExp(
          `waybill_source_connected\\{domain="orders",source="${source}",channel="[^"]*"\\} ${value}`,
        ),
      );
    }
    assert.match(await metrics(), lagOf("kafka"));
    assert.not.match(await metrics(), lagOf("jetstream"), "the lag of an unreachable broker is unknown");
    {
      await using transport = await connectTo(ordersKit, "kafka", names);
      await transport.publish(toPayload(factory.next()));
    }
    await until("Kafka continues", settled(601));
    await jetStream?.start();
    await until("it is ready again", async () => (await reasons()).length === 0);
    await service.child.end("SIGTERM");
  },
);

flow(
  "jobs alone wake a projector: what a process appended that died at once is projected by another",
  async () => {
    await using database = await createDatabase();
    const service = await startAsProcess(database.serviceUrl);
    const { append } = await import("../src/inbox/append.ts");
    const { Jobs } = await import("../src/database/jobs.ts");
    const { Wakeups } = await import("../src/projector/wakeups.ts");
    const { createLogger } = await import("../src/telemetry/logger.ts");
    const { messageOf, orderWith } = await import("./support/messages.ts");
    const jobs = new Jobs(database, createLogger("silent"));
    await jobs.start();
    const wakeups = new Wakeups(jobs);
    await append(database, "orders", [messageOf(orderWith({ order_uid: "orphan" }))], (...wakeup) =>
      wakeups.enqueue(...wakeup),
    );
    await until("it is readable", async () => (await fetch(`${service.url}/orders/orphan`)).ok);
    // The jobs of the batch and of the start are done.
    await until("the jobs are done", async () => {
      const { rows } = await database.admin(
        "select distinct state::text from pgboss.job where name = 'project-orders'",
      );
      return rows.length === 1 && rows[0].state === "completed";
    });
    await jobs.stop();
    await service.child.end("SIGTERM");
  },
);

flow.after(() => started.disposeAsync());
flow.run();
