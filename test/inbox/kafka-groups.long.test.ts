/** Group members come and go, topics and partitions appear, the broker dies: nothing is lost or stuck. */
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { connectionsApiChannel, MultipleErrors } from "@platformatic/kafka";
import pino from "pino";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { KafkaSource } from "../../src/inbox/sources/kafka/kafka.ts";
import { checkIf } from "../support/check-if.ts";
import { kafkaAt } from "../support/kafka.ts";
import { kafkaOptions, sharedKafka, startKafka, texts, watchLosses, withSource } from "../support/sources.ts";
import { type Offer, TestSink } from "../support/test-sink.ts";
import { until } from "../support/wait.ts";

/** The library's channel of requests, and the number of a fetch. */
const REQUESTS = connectionsApiChannel.start.name;
const FETCH = 1;
/** Responses to those requests, and the numbers of group requests: classic, and KIP-848. */
const ANSWERS = connectionsApiChannel.asyncEnd.name;
const DESCRIBE_GROUP = [15, 69];

const groups = suite("kafka groups");
const broker = sharedKafka();
const check = checkIf(broker, groups);
const { options, withAdmin, produce, createTopic } = kafkaAt(broker);

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

      // A rebalance during an append: nothing of it is committed yet.
      second.start(sinks[1] as TestSink);
      await until("the second one reads what was not committed", () => (sinks[1]?.offers.length ?? 0) > 0);
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
      await spread("only once");
      await until("those are there", () => all().size === 300);
      const onlyOnce = sinks
        .flatMap((sink) => sink.offers)
        .filter(({ message }) => message.payload.toString().startsWith("only once"));
      assert.is(onlyOnce.length, 100);
      assert.is(new Set(onlyOnce.map(({ message }) => message.messageId)).size, 100);
      for (const sink of sinks) sink.commitAll();

      await second.close();
      await spread("c");
      await until("the first one reads all again", () => all().size === 400);
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
        [100, 100, 100, 100],
      );
    },
  );
}

for (const groupProtocol of ["consumer", "classic"] as const) {
  check(
    `${groupProtocol}: a member that stays continues to commit offsets while others come and go`,
    async () => {
      const shared = { ...options(), groupProtocol };
      await createTopic(shared.topic, 2);
      const calm = new AbortController();
      let sent = 0;
      class CommittingSink extends TestSink {
        override offer(...offered: Parameters<TestSink["offer"]>): boolean {
          setImmediate(() => this.commit({ message: offered[0], committed: offered[1] }));
          return super.offer(...offered);
        }
      }
      await withSource(
        new KafkaSource(shared),
        async (sink, staying) => {
          using losses = watchLosses(staying);
          const sending = (async () => {
            for (; !calm.signal.aborted; sent += 2)
              await produce(
                shared.topic,
                [0, 1].map((partition) => ({ value: `${sent + partition}`, partition })),
              );
          })();
          const others: TestSink[] = [];
          try {
            for (let turn = 1; turn <= 3; turn++) {
              const other = new CommittingSink();
              others.push(other);
              const coming = new KafkaSource({ ...shared, clientId: `${shared.clientId}-${turn}` });
              await withSource(
                coming,
                async () => {
                  await until("it has its share", () => other.offers.length > 20);
                },
                other,
              );
              const before = sent;
              await until("the one that stays has all again", () => {
                const latest = sink.payloads().slice(-20).map(Number);
                return (
                  sent > before + 20 && new Set(latest.filter((n) => n > before).map((n) => n % 2)).size === 2
                );
              });
            }
          } finally {
            calm.abort();
          }
          await sending;
          const all = () => new Set([sink, ...others].flatMap((one) => one.payloads()));
          await until("all are there", () => all().size === sent);
          assert.equal([...losses.reasons], []);
        },
        new CommittingSink(),
      );
    },
  );
}

for (const groupProtocol of ["consumer", "classic"] as const) {
  check(
    `${groupProtocol}: two processes with one client id are warned of, and a restart is not`,
    async () => {
      const warnings: string[] = [];
      const logger = pino(
        { level: "warn" },
        { write: (line: string) => warnings.push(JSON.parse(line).msg) },
      );
      const shared = { ...options(), groupProtocol, logger };
      await createTopic(shared.topic);
      await withSource(new KafkaSource(shared), async () => {});
      let descriptions = 0;
      const count = (request: unknown) => {
        if (DESCRIBE_GROUP.includes((request as { apiKey: number }).apiKey)) descriptions++;
      };
      subscribe(ANSWERS, count);
      await withSource(new KafkaSource(shared), async (sink) => {
        await produce(shared.topic, [{ value: "a" }]);
        await until("it reads", () => sink.offers.length === 1);
        await until("it has looked for another process", () => descriptions > 0);
        assert.equal(warnings, []);
        await withSource(new KafkaSource(shared), async (other) => {
          await until("it reads the same", () => other.offers.length === 1);
          await until("it is said", () => warnings.some((text) => /same KAFKA_CLIENT_ID/.test(text)));
        });
      });
      unsubscribe(ANSWERS, count);
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
  await withSource(new KafkaSource(chosen), async (sink) => {
    await withAdmin((admin) =>
      admin.createPartitions({
        topics: [{ name: chosen.topic, count: 2, assignments: [{ brokerIds: [1] }] }],
        validateOnly: false,
      }),
    );
    await until("the broker has it", async () => {
      await produce(chosen.topic, [{ value: "in the second", partition: 1 }]).catch((error: unknown) => {
        if (!(error instanceof MultipleErrors)) throw error;
      });
      return sink.payloads().includes("in the second");
    });
  });
});

check("what waits at the broker is counted", async () => {
  const chosen = options();
  await createTopic(chosen.topic);
  await produce(
    chosen.topic,
    texts(30).map((value) => ({ value })),
  );
  await withSource(new KafkaSource(chosen), async (sink, source) => {
    await until("they are there", () => sink.offers.length === 30);
    assert.is(source.lag, 30);
    for (const offer of sink.offers.slice(0, 10)) sink.commit(offer as Offer);
    assert.is(source.lag, 20);
    sink.commitAll();
    assert.is(source.lag, 0);
  });
});

check(
  "while something finds no room nothing more is read, and what waits is counted all the same",
  async () => {
    let reads = 0;
    const count = (request: unknown) => {
      if ((request as { apiKey: number }).apiKey === FETCH) reads++;
    };
    const chosen = options();
    await createTopic(chosen.topic, 4);
    const spread = () =>
      produce(
        chosen.topic,
        texts(8).map((value, index) => ({ value, partition: index % 4 })),
      );
    const sink = new TestSink();
    sink.hasRoom = false;
    await withSource(
      new KafkaSource(chosen),
      async (_sink, source) => {
        await spread();
        await until("it is noticed", () => (source.lag ?? 0) > 0);
        await until("the requests under way have ended", () => source.lag === 8);
        subscribe(REQUESTS, count);
        await spread();
        await until("the others are counted", () => source.lag === 16);
        unsubscribe(REQUESTS, count);
        assert.is(reads, 0);
        sink.hasRoom = true;
        await until("all are there", () => sink.offers.length === 16);
      },
      sink,
    );
  },
);

check("a broker with the newer protocol switched off is joined by the older one", async () => {
  const broker = await startKafka({ properties: { "group.coordinator.rebalance.protocols": "classic" } });
  if (!broker) throw new Error("no broker");
  try {
    const chosen = { ...kafkaOptions(broker), groupProtocol: "auto" as const };
    await withSource(new KafkaSource(chosen), async (sink) => {
      await produce(chosen.topic, [{ value: "hello" }], { bootstrapBrokers: [broker.address] });
      await until("it is there", () => sink.payloads().includes("hello"));
    });
  } finally {
    await broker.stop("SIGKILL");
  }
});

check("comes back after the broker was killed, and reads again what was not committed", async () => {
  const broker = await startKafka();
  if (!broker) throw new Error("no broker");
  try {
    const chosen = kafkaOptions(broker);
    const sink = new TestSink();
    const source = new KafkaSource(chosen);
    source.start(sink);
    await until("connected", () => source.health.connected);
    const at = { bootstrapBrokers: [broker.address] };
    await produce(chosen.topic, [{ value: "before" }], at);
    await until("it is there", () => sink.payloads().includes("before"));
    await broker.stop("SIGKILL");
    await until("it notices", () => !source.health.connected);
    await broker.start();
    await until("connected again", () => source.health.connected);
    await until("it is redelivered", () => sink.payloads().filter((text) => text === "before").length === 2);
    assert.is(new Set(sink.offers.map(({ message }) => message.messageId)).size, 1);
    await produce(chosen.topic, [{ value: "after" }], at);
    await until("and the next one", () => sink.payloads().includes("after"));
    await source.close();
  } finally {
    await broker.stop("SIGKILL");
  }
});

groups.run();
