/** Records as messages: compression, tombstones, transactions, recreated topics, gaps. */
import { randomUUID } from "node:crypto";
import { Producer } from "@platformatic/kafka";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { SourceGap } from "../../src/contract/source.ts";
import { KafkaSource } from "../../src/inbox/sources/kafka/kafka.ts";
import { openKafkaSession } from "../../src/inbox/sources/kafka/session.ts";
import { checkIf } from "../support/check-if.ts";
import { kafkaAt } from "../support/kafka.ts";
import { sharedKafka, texts, withSource } from "../support/sources.ts";
import { TestSink } from "../support/test-sink.ts";
import { until } from "../support/wait.ts";

const kafka = suite("kafka");
const broker = sharedKafka();
const check = checkIf(broker, kafka);
const { options, withAdmin, produce, createTopic } = kafkaAt(broker);

check("records come whole through every compression that brokers know", async () => {
  const chosen = options();
  await createTopic(chosen.topic);
  const compressions = ["none", "gzip", "snappy", "lz4", "zstd"] as const;
  for (const compression of compressions) {
    const given = texts(50, compression).map((value) => ({ value: value.repeat(40) }));
    await produce(chosen.topic, given, { compression });
  }
  await withSource(new KafkaSource(chosen), async (sink) => {
    await until("all are there", () => sink.offers.length === 250);
    const expected = compressions.flatMap((name) => texts(50, name).map((value) => value.repeat(40)));
    assert.equal(sink.payloads(), expected);
  });
});

check(
  "a tombstone, an empty value, a key, an id and headers of any bytes are kept as what they are",
  async () => {
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
    await withSource(new KafkaSource(chosen), async (sink) => {
      await until("all are there", () => sink.offers.length === 3);
      const [tombstone, empty, other] = sink.offers.map(({ message }) => message);
      const { id: cluster, topics } = await withAdmin((admin) => admin.metadata({ topics: [chosen.topic] }));
      assert.is(tombstone?.messageId, `0/0/0/${topics.get(chosen.topic)?.id}/${cluster}`);
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
  },
);

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
  const late = () => produce(chosen.topic, [{ value: "late", timestamp: 9_000_000_000_000_000n }]);
  // Until then it refuses the time.
  await until("the broker has the topic's new setting", () =>
    late().then(
      () => true,
      () => false,
    ),
  );
  await produce(chosen.topic, [{ value: "right", timestamp: 1_700_000_000_123n }]);
  await withSource(new KafkaSource(chosen), async (sink) => {
    await until("both are there", () => sink.offers.length === 2);
    assert.equal(
      sink.offers.map(({ message }) => message.publishedAtMs),
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
  // Two aborted transactions of one producer with a committed one in between, all in one response.
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
  await withSource(new KafkaSource(chosen), async (sink, source) => {
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
  await withSource(new KafkaSource(chosen), async (sink, source) => {
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
    await until("the new ones are there", () => sink.payloads().includes("new 19"));
    assert.equal([...new Set(sink.payloads())], [...texts(20, "old "), ...texts(20, "new ")]);
    assert.is(new Set(sink.offers.map(({ message }) => message.messageId)).size, 40);
  });
});

check(
  "an offset that is stored under the name of a topic says nothing of another topic with that name",
  async () => {
    const chosen = options();
    await createTopic(chosen.topic);
    await produce(
      chosen.topic,
      texts(5).map((value) => ({ value })),
    );
    await withSource(new KafkaSource(chosen), async (sink, source) => {
      await until("they are there", () => sink.offers.length === 5);
      sink.commitAll();
      await until("they are stored", () => source.lag === 0);
    });
    const sink = new TestSink();
    const before = randomUUID();
    const session = await openKafkaSession(chosen, sink, before);
    await until("it reads from the beginning", () => sink.offers.length === 5);
    await session.close();
  },
);

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
    await withSource(new KafkaSource(chosen), async (sink, source) => {
      await until("they are there", () => sink.offers.length === 10);
      sink.commitAll();
      await until("they are stored", () => source.lag === 0);
    });
    assert.equal(gaps, []);

    // While the source is stopped.
    await produce(
      chosen.topic,
      texts(10, "b").map((value) => ({ value })),
    );
    await removeBelow(15n);
    const sink = new TestSink();
    sink.hasRoom = false;
    await withSource(
      new KafkaSource(chosen),
      async (_sink, source) => {
        await until("it is written down", () => gaps.length === 1);
        // While there is no room: records that were already read are safe, later ones are removed.
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
      if (++attempts < 3) throw new Error("the database is unavailable");
    },
  };
  await createTopic(chosen.topic);
  await withSource(new KafkaSource(chosen), async (sink, source) => {
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

kafka.after(async () => {
  await broker?.stop("SIGKILL");
});
kafka.run();
