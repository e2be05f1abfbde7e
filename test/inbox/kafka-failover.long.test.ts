/** In a cluster of two brokers, one dies and returns: within one membership, the other serves its partitions. */
import { alterPartitionReassignmentsV0, ConnectionPool } from "@platformatic/kafka";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { KafkaSource } from "../../src/inbox/sources/kafka/kafka.ts";
import { checkIf } from "../support/check-if.ts";
import { kafkaAt } from "../support/kafka.ts";
import { startKafka, texts, watchLosses, withSource } from "../support/sources.ts";
import { until } from "../support/wait.ts";

const failover = suite("kafka failover");
/** Short timeouts for detection and recovery. */
const QUICK = {
  "broker.session.timeout.ms": "2000",
  "broker.heartbeat.interval.ms": "500",
  "leader.imbalance.check.interval.seconds": "1",
  "leader.imbalance.per.broker.percentage": "0",
};
const first = await startKafka({ properties: QUICK });
const check = checkIf(first, failover);
const { options, withAdmin, produce, createTopic } = kafkaAt(first);

check("a partition is read on wherever its leader is: after a death, a return, and a move", async () => {
  const chosen = options();
  const { topic } = chosen;
  // With a single broker, which then coordinates the groups.
  await createTopic("before");
  await withSource(new KafkaSource({ ...chosen, topic: "before" }), async () => {});
  const second = await startKafka({ properties: QUICK, beside: first as NonNullable<typeof first> });
  if (!second) throw new Error("no second broker");
  try {
    const cluster = () => withAdmin((admin) => admin.metadata({ topics: [], forceUpdate: true }));
    await until("both are there", async () => (await cluster()).brokers.size === 2);
    await withAdmin((admin) =>
      admin.createTopics({
        topics: [topic],
        partitions: -1,
        replicas: -1,
        assignments: [
          { partition: 0, brokers: [1, 2] },
          { partition: 1, brokers: [2, 1] },
        ],
      }),
    );
    const leaderOf = (partition: number) =>
      withAdmin(async (admin) => {
        const { topics } = await admin.metadata({ topics: [topic], forceUpdate: true });
        return topics.get(topic)?.partitions[partition]?.leader;
      });
    const moveFirstTo = async (broker: number) => {
      const pool = new ConnectionPool("test");
      const [host = "", port] = (first?.address ?? "").split(":");
      const connection = await pool.get({ host, port: Number(port) });
      const partitions = [{ partitionIndex: 0, replicas: [broker] }];
      await alterPartitionReassignmentsV0.api.async(connection, 30_000, true, [{ name: topic, partitions }]);
      await pool.close();
    };
    const spread = (prefix: string) =>
      produce(
        topic,
        texts(40, prefix).map((value, index) => ({ value, partition: index % 2 })),
      );

    await withSource(new KafkaSource(chosen), async (sink, source) => {
      using losses = watchLosses(source);
      const sendAndReceive = async (prefix: string) => {
        await spread(prefix);
        const wanted = texts(40, prefix);
        await until(`"${prefix}" is there`, () => wanted.every((text) => sink.payloads().includes(text)));
        sink.commitAll();
      };
      assert.is(await leaderOf(1), 2);
      await sendAndReceive("with both ");
      await second.stop("SIGKILL");
      await until("the other one leads", async () => (await leaderOf(1)) === 1);
      await sendAndReceive("with one ");
      await second.start();
      await until("the first leader leads again", async () => (await leaderOf(1)) === 2);
      await sendAndReceive("with both again ");
      // Former leaders may be asked too, because they have the records; but not after a partition moves.
      await moveFirstTo(2);
      await until("it has moved", async () => (await leaderOf(0)) === 2);
      await sendAndReceive("with all of it at the second ");
      assert.equal([...losses.reasons], [], "the membership is kept");
      assert.is(sink.offers.length, 160, "nothing was read twice");
      await until("nothing is left", () => source.lag === 0);
    });
  } finally {
    await second.stop("SIGKILL");
  }
});

failover.after(async () => {
  await first?.stop("SIGKILL");
});
failover.run();
