/** What the source for Kafka has to do beside what every source has to; against a real broker. */
import { Admin, MultipleErrors, Producer, type ProducerOptions } from "@platformatic/kafka";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type KafkaOptions, KafkaSource } from "../../src/inbox/sources/kafka.ts";
import type { SourceGap } from "../../src/inbox/sources/source.ts";
import { kafkaOptions, startKafka } from "../support/sources.ts";
import { type Offer, TestSink } from "../support/test-sink.ts";
import { until } from "../support/wait.ts";

const kafka = suite("kafka");
const broker = await startKafka();
const check = broker ? kafka : (kafka["skip" as never] as typeof kafka);
const options = (): KafkaOptions => kafkaOptions(broker as NonNullable<typeof broker>);

/** A client of the broker for the length of a test. */
async function withAdmin<T>(work: (admin: Admin) => Promise<T>): Promise<T> {
  const admin = new Admin({ clientId: "test", bootstrapBrokers: [broker?.address as string] });
  return await work(admin).finally(() => admin.close());
}

type Given = Readonly<{
  value?: string | Buffer | null;
  key?: string;
  headers?: readonly [string | Buffer, string | Buffer][];
  partition?: number;
  timestamp?: bigint;
}>;

async function produce(
  topic: string,
  given: readonly Given[],
  extra: Partial<ProducerOptions<Buffer, Buffer, Buffer, Buffer>> = {},
): Promise<void> {
  const producer = new Producer({
    clientId: "test",
    bootstrapBrokers: [broker?.address as string],
    ...extra,
  });
  try {
    await producer.send({
      acks: -1,
      messages: given.map(({ value, key, headers = [], partition = 0, timestamp }) => ({
        topic,
        partition,
        value: (value === null ? null : Buffer.from(value ?? "")) as Buffer,
        ...(key === undefined ? {} : { key: Buffer.from(key) }),
        ...(timestamp === undefined ? {} : { timestamp }),
        headers: new Map(headers.map(([name, text]) => [Buffer.from(name), Buffer.from(text)])),
      })),
    });
  } finally {
    await producer.close();
  }
}

async function createTopic(topic: string, partitions = 1): Promise<void> {
  await withAdmin((admin) => admin.createTopics({ topics: [topic], partitions, replicas: 1 }));
}

/** Starts a source, waits until it reads, works with it and closes it. */
async function withSource(
  chosen: KafkaOptions,
  work: (sink: TestSink, source: KafkaSource) => Promise<void>,
  sink = new TestSink(),
): Promise<void> {
  const source = new KafkaSource(chosen);
  source.start(sink);
  try {
    await until("it is connected", () => source.health.connected);
    await work(sink, source);
  } finally {
    await source.close();
  }
}

const texts = (count: number, prefix = "") =>
  Array.from({ length: count }, (_, index) => `${prefix}${index}`);

check("records come whole through every compression that brokers know", async () => {
  const chosen = options();
  await createTopic(chosen.topic);
  const compressions = ["none", "gzip", "snappy", "lz4", "zstd"] as const;
  for (const compression of compressions) {
    const given = texts(50, compression).map((value) => ({ value: value.repeat(40) }));
    await produce(chosen.topic, given, { compression });
  }
  await withSource(chosen, async (sink) => {
    await until("all are there", () => sink.offers.length === 250);
    const expected = compressions.flatMap((name) => texts(50, name).map((value) => value.repeat(40)));
    assert.equal(sink.payloads(), expected);
  });
});

check("a tombstone, an empty value, a key and headers of any bytes are kept as what they are", async () => {
  const chosen = options();
  await createTopic(chosen.topic);
  await produce(chosen.topic, [
    { value: null, key: "order-1" },
    { value: "" },
    {
      value: "with headers",
      headers: [
        ["plain", "té"],
        ["bytes", Buffer.from([0xff, 0xfe])],
        ["zero", "a\0b"],
      ],
    },
  ]);
  await withSource(chosen, async (sink) => {
    await until("all are there", () => sink.offers.length === 3);
    const [tombstone, empty, other] = sink.offers.map(({ message }) => message);
    assert.is(tombstone?.payload.length, 0);
    assert.equal(JSON.parse(tombstone?.headers ?? ""), { key: "order-1", payload: null });
    assert.is(empty?.payload.length, 0);
    assert.is(empty?.headers, undefined);
    assert.equal(JSON.parse(other?.headers ?? "").headers, [
      ["plain", "té"],
      ["bytes", { base64: "//4=" }],
      ["zero", { base64: "YQBi" }],
    ]);
  });
});

check("a time that no clock says is left out, because the database would refuse it", async () => {
  const chosen = options();
  await createTopic(chosen.topic);
  await withAdmin((admin) =>
    admin.incrementalAlterConfigs({
      resources: [
        {
          resourceType: 2,
          resourceName: chosen.topic,
          configs: [
            { name: "message.timestamp.after.max.ms", configOperation: 0, value: "9223372036854775807" },
          ],
        },
      ],
    }),
  );
  await produce(chosen.topic, [{ value: "late", timestamp: 9_000_000_000_000_000n }]);
  await produce(chosen.topic, [{ value: "right", timestamp: 1_700_000_000_123n }]);
  await withSource(chosen, async (sink) => {
    await until("both are there", () => sink.offers.length === 2);
    assert.equal(
      sink.offers.map(({ message }) => message.publishedAt),
      [undefined, 1_700_000_000_123],
    );
  });
});

check("what an aborted transaction wrote is left out, what a committed one wrote is not", async () => {
  const chosen = options();
  await createTopic(chosen.topic);
  const producer = new Producer({
    clientId: "test",
    bootstrapBrokers: [broker?.address as string],
    transactionalId: `transaction-${chosen.topic}`,
    idempotent: true,
  });
  // Two aborted ones of one producer, with a committed one between them, all in one answer of the broker.
  for (const name of ["aborted first", "committed", "aborted last"]) {
    const transaction = await producer.beginTransaction();
    await transaction.send({
      messages: texts(3, name).map((value) => ({
        topic: chosen.topic,
        partition: 0,
        value: Buffer.from(value),
      })),
    });
    if (name === "committed") await transaction.commit();
    else await transaction.abort();
  }
  await producer.close();
  await produce(chosen.topic, [{ value: "after" }]);
  await withSource(chosen, async (sink, source) => {
    await until("the last one is there", () => sink.payloads().includes("after"));
    assert.equal(sink.payloads(), [...texts(3, "committed"), "after"]);
    sink.commitAll();
    await until("nothing is left", () => source.lag === 0);
  });
});

check("a topic that was deleted and made again is read from its beginning, under other ids", async () => {
  const chosen = { ...options(), newTopicPartitions: 0 };
  await createTopic(chosen.topic);
  await produce(
    chosen.topic,
    texts(20, "old ").map((value) => ({ value })),
  );
  await withSource(chosen, async (sink, source) => {
    await until("the old ones are there", () => sink.offers.length === 20);
    sink.commitAll();
    await until("they are stored", () => source.lag === 0);
    await withAdmin((admin) => admin.deleteTopics({ topics: [chosen.topic] }));
    await until("it is noticed", () => !source.health.connected);
    await createTopic(chosen.topic);
    await produce(
      chosen.topic,
      texts(20, "new ").map((value) => ({ value })),
    );
    await until("the new ones are there", () => sink.payloads().includes("new 19"), 40_000);
    assert.equal([...new Set(sink.payloads())], [...texts(20, "old "), ...texts(20, "new ")]);
    assert.is(new Set(sink.offers.map(({ message }) => message.messageId)).size, 40);
  });
});

check(
  "records that the broker removed before they were read are written down, then the rest is read",
  async () => {
    const gaps: SourceGap[] = [];
    const chosen = { ...options(), noteGap: async (gap: SourceGap) => void gaps.push(gap) };
    await createTopic(chosen.topic);
    const removeBelow = (offset: bigint) =>
      withAdmin((admin) =>
        admin.deleteRecords({
          topics: [{ name: chosen.topic, partitions: [{ partition: 0, offset }] }],
        }),
      );
    await produce(
      chosen.topic,
      texts(10).map((value) => ({ value })),
    );
    await withSource(chosen, async (sink, source) => {
      await until("they are there", () => sink.offers.length === 10);
      sink.commitAll();
      await until("they are stored", () => source.lag === 0);
    });
    assert.equal(gaps, []);

    // While nobody listens.
    await produce(
      chosen.topic,
      texts(10, "b").map((value) => ({ value })),
    );
    await removeBelow(15n);
    const sink = new TestSink();
    sink.hasRoom = false;
    await withSource(
      chosen,
      async (_sink, source) => {
        await until("it is written down", () => gaps.length === 1);
        // While nothing finds room: what was read before that is safe, and what comes next is gone.
        await produce(chosen.topic, [{ value: Buffer.alloc(6_000_000, 1) }]);
        await produce(
          chosen.topic,
          texts(5, "c").map((value) => ({ value })),
        );
        await removeBelow(23n);
        sink.hasRoom = true;
        await until("the last one is there", () => sink.payloads().includes("c4"));
        sink.commitAll();
        await until("nothing is left", () => source.lag === 0);
      },
      sink,
    );
    assert.equal(
      gaps.map(({ from, to, series }) => [
        Number(from),
        Number(to),
        series.startsWith("partition 0 of topic "),
      ]),
      [
        [10, 14, true],
        [20, 22, true],
      ],
    );
    assert.equal(
      sink.payloads().filter((text) => text.length < 9),
      [...texts(10, "b").slice(5), "c2", "c3", "c4"],
    );
  },
);

check("the offset does not move past a gap that could not be written down", async () => {
  let attempts = 0;
  const chosen = {
    ...options(),
    noteGap: async () => {
      if (++attempts < 3) throw new Error("the database is away");
    },
  };
  await createTopic(chosen.topic);
  await withSource(chosen, async (sink, source) => {
    await produce(chosen.topic, [{ value: "a" }]);
    await until("it is there", () => sink.offers.length === 1);
    sink.commitAll();
    await until("it is stored", () => source.lag === 0);
  });
  await produce(chosen.topic, [{ value: "b" }, { value: "c" }]);
  await withAdmin((admin) =>
    admin.deleteRecords({
      topics: [{ name: chosen.topic, partitions: [{ partition: 0, offset: 2n }] }],
    }),
  );
  const sink = new TestSink();
  const source = new KafkaSource(chosen);
  source.start(sink);
  await until("the rest is there", () => sink.payloads().includes("c"));
  assert.is(attempts, 3);
  await source.close();
});

for (const groupProtocol of ["consumer", "classic"] as const) {
  check(
    `${groupProtocol}: members share the partitions, and nothing is lost or stuck when they come and go`,
    async () => {
      const shared = { ...options(), groupProtocol };
      await createTopic(shared.topic, 4);
      const partitions = [0, 1, 2, 3];
      const spread = (prefix: string) =>
        produce(
          shared.topic,
          texts(100, prefix).map((value, index) => ({ value, partition: index % 4 })),
        );
      const sinks = [new TestSink(), new TestSink()];
      const sources = sinks.map(
        (_sink, index) => new KafkaSource({ ...shared, clientId: `${shared.clientId}-${index}` }),
      );
      const [first, second] = sources as [KafkaSource, KafkaSource];
      const all = () => new Set(sinks.flatMap((sink) => sink.payloads()));
      first.start(sinks[0] as TestSink);
      await until("the first one reads", () => first.health.connected);
      await spread("a");
      await until("it has all of them", () => all().size === 100);

      // A rebalance while an append is under way: nothing of it is committed yet.
      second.start(sinks[1] as TestSink);
      await until(
        "the second one reads what was not committed",
        () => (sinks[1]?.offers.length ?? 0) > 0,
        40_000,
      );
      for (const sink of sinks) sink.commitAll();
      await spread("b");
      await until("both have their share", () => all().size === 200);
      const read = (sink: TestSink) =>
        new Set(
          sink.offers
            .filter(({ message }) => message.payload[0] === 98)
            .map(({ message }) => message.messageId),
        );
      await until("each has read some", () => sinks.every((sink) => read(sink).size > 0));
      for (const sink of sinks) sink.commitAll();

      await second.close();
      await spread("c");
      await until("the first one reads all again", () => all().size === 300, 40_000);
      sinks[0]?.commitAll();
      await until("nothing is left", () => first.lag === 0);
      await first.close();
      const stored = await withAdmin((admin) =>
        admin.listConsumerGroupOffsets({
          groups: [
            { groupId: shared.groupId, topics: [{ name: shared.topic, partitionIndexes: partitions }] },
          ],
        }),
      );
      const offsets = stored[0]?.topics[0];
      assert.equal(
        offsets?.partitions.map(({ committedOffset }) => Number(committedOffset)),
        [75, 75, 75, 75],
      );
    },
  );
}

check("a topic that does not exist is waited for, and not made unless that is wanted", async () => {
  const chosen = { ...options(), newTopicPartitions: 0 };
  const sink = new TestSink();
  const source = new KafkaSource(chosen);
  source.start(sink);
  await until("it says so", () =>
    /topic .* does not exist.*KAFKA_CREATE_TOPIC/.test(source.health.reason ?? ""),
  );
  const topics = await withAdmin((admin) => admin.listTopics());
  assert.not.ok(topics.includes(chosen.topic));
  await createTopic(chosen.topic);
  await until("it reads", () => source.health.connected);
  await produce(chosen.topic, [{ value: "hello" }]);
  await until("it is there", () => sink.payloads().includes("hello"));
  await source.close();
});

check("partitions that are added are read too", async () => {
  const chosen = { ...options(), groupProtocol: "classic" as const };
  await createTopic(chosen.topic);
  await withSource(chosen, async (sink) => {
    await withAdmin((admin) =>
      admin.createPartitions({
        topics: [{ name: chosen.topic, count: 2, assignments: [{ brokerIds: [1] }] }],
        validateOnly: false,
      }),
    );
    await until(
      "the broker has it",
      async () => {
        await produce(chosen.topic, [{ value: "in the second", partition: 1 }]).catch((error: unknown) => {
          if (!(error instanceof MultipleErrors)) throw error;
        });
        return sink.payloads().includes("in the second");
      },
      40_000,
    );
  });
});

check("what waits at the broker is counted", async () => {
  const chosen = options();
  await createTopic(chosen.topic);
  await produce(
    chosen.topic,
    texts(30).map((value) => ({ value })),
  );
  await withSource(chosen, async (sink, source) => {
    await until("they are there", () => sink.offers.length === 30);
    assert.is(source.lag, 30);
    for (const offer of sink.offers.slice(0, 10)) sink.commit(offer as Offer);
    assert.is(source.lag, 20);
    sink.commitAll();
    assert.is(source.lag, 0);
  });
});

check("comes back after the broker was killed, and reads again what was not committed", async () => {
  const own = await startKafka();
  if (!own) throw new Error("no broker");
  try {
    const chosen = kafkaOptions(own);
    const sink = new TestSink();
    const source = new KafkaSource(chosen);
    source.start(sink);
    await until("connected", () => source.health.connected);
    const at = { bootstrapBrokers: [own.address] };
    await produce(chosen.topic, [{ value: "before" }], at);
    await until("it is there", () => sink.payloads().includes("before"));
    await own.stop("SIGKILL");
    await until("it notices", () => !source.health.connected, 40_000);
    await own.start();
    await until("connected again", () => source.health.connected, 60_000);
    await until(
      "it comes again",
      () => sink.payloads().filter((text) => text === "before").length === 2,
      40_000,
    );
    assert.is(new Set(sink.offers.map(({ message }) => message.messageId)).size, 1);
    await produce(chosen.topic, [{ value: "after" }], at);
    await until("and the next one", () => sink.payloads().includes("after"), 40_000);
    await source.close();
  } finally {
    await own.stop("SIGKILL");
  }
});

kafka.after(async () => {
  await broker?.stop("SIGKILL");
});
kafka.run();
