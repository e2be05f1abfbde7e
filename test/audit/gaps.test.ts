/** Messages that the broker lost before it delivered them. */
import { join } from "node:path";
import { jetstreamManager } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import { Admin } from "@platformatic/kafka";
import type pg from "pg";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { audit } from "../../src/audit/audit.ts";
import { insertSourceGap } from "../../src/audit/source-gaps-table.ts";
import type { Database } from "../../src/database/database.ts";
import { orders } from "../../src/domains/orders/index.ts";
import { OrderFactory, toPayload } from "../../tools/domains/orders/factory.ts";
import { ordersKit } from "../../tools/domains/orders/index.ts";
import { connectTo } from "../../tools/publisher/connect.ts";
import { connectToBroker } from "../../tools/publisher/transport.ts";
import type { Broker, BrokerKind } from "../../tools/stack/broker.ts";
import { findBroker, NatsStreaming } from "../../tools/stack/nats-streaming.ts";
import { checkIf } from "../support/check-if.ts";
import { createDatabase, environment } from "../support/database.ts";
import { appendAll } from "../support/engine.ts";
import { messageOf } from "../support/messages.ts";
import { auditOf, startAsProcess } from "../support/service.ts";
import { sharedKafka, startJetStream } from "../support/sources.ts";
import { until } from "../support/wait.ts";

const gaps = suite("gaps");

/** Of each broker's newer ten messages, five are removed. */
const BROKERS: readonly {
  source: BrokerKind;
  broker: Broker | undefined;
  remove: (broker: Broker, topic: string) => Promise<void>;
}[] = [
  {
    source: "kafka",
    broker: sharedKafka(),
    remove: async ({ address }, topic) => {
      const admin = new Admin({ clientId: "test", bootstrapBrokers: [address] });
      const topics = [{ name: topic, partitions: [{ partition: 0, offset: 15n }] }];
      await admin.deleteRecords({ topics }).finally(() => admin.close());
    },
  },
  {
    source: "jetstream",
    broker: await startJetStream(),
    remove: async ({ address }) => {
      const connection = await connect({ servers: address });
      const manager = await jetstreamManager(connection);
      for (const sequence of [11, 12, 13, 14, 15]) await manager.streams.deleteMessage("orders", sequence);
      await connection.close();
    },
  },
];

/** The shortest time that is not "at once". */
const SETTLED_SECONDS = 0.001;

type Numbers = readonly (readonly [number: number, time?: number])[];

async function gapsOf(database: Database, gapSettledSeconds = 0, isFull = false) {
  const { domains } = await audit(database, [orders], { gapSettledSeconds, isFull });
  return domains.orders?.gaps ?? [];
}

/**
 * Appends messages with the given numbers, a millisecond apart. @param parts appended with an audit after each.
 * @returns the missing numbers.
 */
async function missingAfterParts(parts: readonly Numbers[], settled = 0) {
  await using database = await createDatabase();
  const found = [];
  let count = 0;
  for (const numbers of parts) {
    const messages = numbers.map(([number, time]) =>
      messageOf("x", { source: "nats-streaming", messageId: `${number}-${time ?? 1_000 + count++}` }),
    );
    await appendAll(database, messages);
    const gaps = await gapsOf(database, settled);
    found.push(gaps.map(({ from, to, before }) => [Number(from), Number(to), Number(before)]));
  }
  const whole = await gapsOf(database, settled, true);
  assert.equal(
    found.at(-1),
    whole.map(({ from, to, before }) => [Number(from), Number(to), Number(before)]),
    "what was carried from audit to audit is what one audit of everything finds",
  );
  return found;
}

const missingAfter = async (numbers: Numbers, settled = 0) =>
  (await missingAfterParts([numbers], settled))[0];

gaps("nothing is missing if every number arrived, in any order", async () => {
  assert.equal(await missingAfter([[1], [2], [3]]), []);
  assert.equal(
    await missingAfter([
      [3, 30],
      [1, 10],
      [2, 20],
    ]),
    [],
  );
});

gaps("new gaps do not count during a pause, but some time after it", async () => {
  await using database = await createDatabase();
  const message = (number: number) =>
    messageOf("x", { source: "nats-streaming", messageId: `${number}-${1_000 + number}` });
  await appendAll(database, [message(1), message(4)]);
  const where = "('orders', 'nats-streaming', 'ann', 'repair', false)";
  await database.query(
    `insert into paused_sources (domain, source, author, reason, is_verified) values ${where}`,
  );
  assert.equal(await gapsOf(database, SETTLED_SECONDS), []);
  await database.query("delete from paused_sources");
  await database.query(
    "insert into source_actions (action, domain, source, author, reason, is_verified) values ('resume', 'orders', 'nats-streaming', 'ann', 'done', false)",
  );
  await until("the gap counts", async () => (await gapsOf(database, SETTLED_SECONDS)).length === 1);
});

gaps("what is missing is named, at the beginning too", async () => {
  assert.equal(await missingAfter([[1], [2], [5], [6], [10]]), [
    [3, 4, 3],
    [7, 9, 5],
  ]);
  assert.equal(await missingAfter([[4], [5]]), [[1, 3, 1]]);
});

gaps("a wiped store numbers from 1 again, and later gaps count too", async () => {
  assert.equal(await missingAfter([[1], [2], [3], [1], [2]]), []);
  assert.equal(await missingAfter([[1], [2], [3], [2], [5]]), [
    [1, 1, 4],
    [3, 4, 5],
  ]);
});

gaps("a message that may still be in flight is not missing yet", async () => {
  assert.equal(await missingAfter([[1], [5]], 60), []);
});

gaps("an id without a broker's number is skipped", async () => {
  await using database = await createDatabase();
  const ids = ["1-10", "x", "99999999999999999999-1", "2-999999999999999999999", "2-20", "4-40"];
  const messages = ids.map((messageId) => messageOf("x", { source: "nats-streaming", messageId }));
  await appendAll(database, messages);
  assert.equal(
    (await gapsOf(database)).map(({ from, to }) => [Number(from), Number(to)]),
    [[3, 3]],
  );
});

gaps("an audit continues with the numbers after the last one", async () => {
  assert.equal(await missingAfterParts([[[1], [2]], [[3]], [], [[4]]]), [[], [], [], []]);
  assert.equal(await missingAfterParts([[[1], [2]], [[5]], [[6]]]), [[], [[3, 4, 3]], [[3, 4, 3]]]);
  assert.equal(
    await missingAfterParts([
      [[1], [2]],
      [[1], [3]],
    ]),
    [[], [[2, 2, 4]]],
  );
});

gaps("what comes after all is missing no more, though an audit has named it", async () => {
  const first: Numbers = [
    [1, 10],
    [6, 60],
  ];
  assert.equal(
    await missingAfterParts([
      first,
      [[3, 30]],
      [[2, 20]],
      [
        [5, 50],
        [4, 40],
        [7, 70],
      ],
    ]),
    [
      [[2, 5, 2]],
      [
        [2, 2, 2],
        [4, 5, 2],
      ],
      [[4, 5, 2]],
      [],
    ],
  );
});

gaps("a number of another store fills no gap", async () => {
  const wiped: Numbers = [
    [1, 10],
    [4, 40],
  ];
  assert.equal(
    await missingAfterParts([
      wiped,
      [
        [1, 50],
        [2, 60],
        [3, 70],
      ],
    ]),
    [[[2, 3, 2]], [[2, 3, 2]]],
  );
});

gaps("of a stream only what is missing between its messages counts, each stream by itself", async () => {
  await using database = await createDatabase();
  const append = (channel: string, ids: readonly string[]) =>
    appendAll(
      database,
      ids.map((messageId) => messageOf("x", { source: "jetstream", channel, messageId })),
    );
  const found = async () =>
    (await gapsOf(database)).map(({ channel, from, to, before }) => [
      channel,
      ...[from, to, before].map(Number),
    ]);
  // It held seven messages before the first delivery; then the stream was recreated and had four.
  await append("whole", ["8-1000", "9-1000", "12-1000", "5-2000", "7-2000"]);
  // The numbers in between belong to other subjects.
  await append("whole/part", ["1-1000", "5-1000"]);
  assert.equal(await found(), [
    ["whole", 10, 11, 3],
    ["whole", 6, 6, 5],
  ]);
  // One of them is late.
  await append("whole", ["11-1000", "8-2000", "10-2000"]);
  assert.equal(await found(), [
    ["whole", 10, 10, 3],
    ["whole", 6, 6, 5],
    ["whole", 9, 9, 10],
  ]);
});

gaps("a gap that a source reports counts once, however often and in however many pieces", async () => {
  await using database = await createDatabase();
  const note = (series: string, from: bigint, to: bigint) =>
    insertSourceGap(database, "orders", { source: "kafka", channel: "orders", series, from, to });
  await note("partition 0", 10n, 19n);
  await note("partition 0", 10n, 19n);
  await note("partition 0", 10n, 29n);
  await note("partition 0", 50n, 50n);
  await note("partition 1", 10n, 11n);
  const found = await gapsOf(database);
  assert.equal(
    found.map(({ source, series, from, to }) => [source, series, Number(from), Number(to)]),
    [
      ["kafka", "partition 0", 10, 29],
      ["kafka", "partition 0", 50, 50],
      ["kafka", "partition 1", 10, 11],
    ],
  );
  const removing = database.admin("delete from source_gaps");
  await removing.then(
    () => assert.unreachable("it was removed"),
    (error: pg.DatabaseError) => assert.is(error.code, "23001"),
  );
});

for (const { source, broker, remove } of BROKERS) {
  const check = checkIf(broker, gaps);
  check(`${source}: what the broker removed before it was read is in the audit`, async () => {
    await using database = await createDatabase();
    const environment = { ...broker?.environment(), SOURCES: source, KAFKA_CREATE_TOPIC: "1" };
    const factory = new OrderFactory(1);
    const publishTen = async () => {
      await using transport = await connectTo(ordersKit, source, environment);
      for (let index = 0; index < 10; index++) await transport.publish(toPayload(factory.next()));
    };
    const serveUntil = async (projected: number) => {
      const service = await startAsProcess(database.serviceUrl, environment);
      await until("all are there", async () => (await auditOf(service.url)).projected === projected);
      await until("the metric has it", async () => {
        const metrics = await (await fetch(`${service.url}/metrics`)).text();
        return /waybill_source_lag_messages\{[^}]*\} 0$/m.test(metrics);
      });
      await service.child.end("SIGTERM");
    };
    await publishTen();
    await serveUntil(10);
    await publishTen();
    await remove(broker as Broker, String(broker?.environment().KAFKA_TOPIC));
    await serveUntil(15);
    // JetStream's gap counts once the messages after it have settled.
    const found = await gapsOf(database);
    const missing = found.reduce((sum, { from, to }) => sum + to - from + 1n, 0n);
    assert.equal([found.map((gap) => gap.source), missing], [[source], 5n]);
  });
}

gaps(
  "a broker that threw messages away by its limits is found out, and conservation holds all the same",
  async () => {
    await using started = new AsyncDisposableStack();
    const program = await findBroker(() => {});
    assert.ok(program);
    const folder = join(environment("WAYBILL_TEST_FOLDER"), "limited-broker");
    const broker = await NatsStreaming.create(program, folder, ["-max_msgs", "50"]);
    started.defer(() => broker.stop());
    const database = started.use(await createDatabase());
    const factory = new OrderFactory(1);
    {
      await using transport = await connectToBroker({
        url: broker.url,
        clusterId: "test-cluster",
        channel: "limited",
      });
      for (let index = 0; index < 80; index++) await transport.publish(toPayload(factory.next()));
    }
    const service = await startAsProcess(database.serviceUrl, {
      SOURCES: "nats-streaming",
      NATS_URL: broker.url,
      STAN_CHANNEL: "limited",
    });
    started.defer(() => service.child.end("SIGTERM"));
    await until("the rest is here", async () => (await auditOf(service.url)).projected === 50);
    const { holds } = await auditOf(service.url);
    const found = await gapsOf(database);
    assert.equal(
      [holds, found.map(({ channel, from, to }) => [channel, Number(from), Number(to)])],
      [true, [["limited", 1, 30]]],
    );
  },
);

gaps.after(async () => {
  for (const { broker } of BROKERS) await broker?.stop("SIGKILL");
});
gaps.run();
