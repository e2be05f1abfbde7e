/** Tests' operations on a Kafka broker and its sources. */
import { Admin, ListOffsetTimestamps, Producer, type ProducerOptions } from "@platformatic/kafka";
import type { KafkaOptions } from "../../src/inbox/sources/kafka/cluster.ts";
import type { Kafka } from "../../tools/stack/kafka.ts";
import { kafkaOptions } from "./sources.ts";
import { until } from "./wait.ts";

export type Given = Readonly<{
  value?: string | Buffer | null;
  key?: string;
  headers?: readonly [string | Buffer, string | Buffer][];
  partition?: number;
  timestamp?: bigint;
}>;

async function isLed(admin: Admin, topic: string, partitions: number): Promise<boolean> {
  const wanted = Array.from({ length: partitions }, (_none, partitionIndex) => ({
    partitionIndex,
    timestamp: ListOffsetTimestamps.LATEST,
  }));
  return await admin.listOffsets({ topics: [{ name: topic, partitions: wanted }] }).then(
    () => true,
    () => false,
  );
}

/** @param broker undefined if there is none; then nothing of this may be used. */
export function kafkaAt(broker: Kafka | undefined) {
  const bootstrapBrokers = [broker?.address as string];

  /** Calls `work` with a client of the broker. */
  const withAdmin = async <T>(work: (admin: Admin) => Promise<T>): Promise<T> => {
    const admin = new Admin({ clientId: "test", bootstrapBrokers });
    return await work(admin).finally(() => admin.close());
  };

  const produce = async (
    topic: string,
    given: readonly Given[],
    extra: Partial<ProducerOptions<Buffer, Buffer, Buffer, Buffer>> = {},
  ): Promise<void> => {
    const producer = new Producer({ clientId: "test", bootstrapBrokers, ...extra });
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
  };

  return {
    /** For a source with new names. */
    options: (): KafkaOptions => kafkaOptions(broker as Kafka),
    withAdmin,
    produce,
    createTopic: async (topic: string, partitions = 1): Promise<void> => {
      await withAdmin((admin) => admin.createTopics({ topics: [topic], partitions, replicas: 1 }));
      // A broker that is busy refuses records of a topic that it has just created.
      await until(`the broker leads ${topic}`, () => withAdmin((admin) => isLed(admin, topic, partitions)));
    },
  };
}
