/** Messages that arrive during a request go into the next one. */
import { Admin, MultipleErrors, ProduceAcks, Producer } from "@platformatic/kafka";
import type { KafkaConfig } from "../../src/config/sources.ts";
import { guardSecondErrors, kafkaConnection } from "../../src/kafka/connection.ts";
import { findTopic } from "../../src/kafka/find-topic.ts";
import { PayloadRefusedError, type PublishContext, type Transport } from "./transport.ts";

type Waiting = {
  payload: Buffer;
  context: PublishContext;
  resolve: () => void;
  reject: (error: unknown) => void;
};

export type KafkaAddress = Pick<KafkaConfig, "brokers" | "topic" | "newTopicPartitions" | "tls" | "sasl">;

/** @throws if no broker is reachable, or the topic is missing and may not be created. */
export async function connectToKafka(address: KafkaAddress): Promise<Transport> {
  const { brokers, topic, newTopicPartitions } = address;
  const guard = guardSecondErrors();
  // A retry of an unacknowledged but stored message would be another message.
  const connection = { ...kafkaConnection({ ...address, clientId: "waybill-publisher" }), retries: 0 };
  const admin = new Admin(connection);
  await findTopic(admin, topic, newTopicPartitions)
    .catch((error: Error) => {
      guard[Symbol.dispose]();
      throw new Error(`cannot publish to Kafka at ${brokers.join(", ")}: ${error.message}`);
    })
    .finally(() => admin.close().catch(() => {}));
  const producer = new Producer(connection);
  let waiting: Waiting[] = [];
  let sending: Promise<void> | undefined;

  const sendAll = async () => {
    while (waiting.length > 0) {
      const batch = takeBatch();
      try {
        await producer.send({
          acks: ProduceAcks.ALL,
          messages: batch.map(({ payload: value, context: { key, traceparent } }) => ({
            topic,
            value,
            ...(key === undefined ? {} : { key: Buffer.from(key) }),
            ...(traceparent === undefined
              ? {}
              : { headers: new Map([[Buffer.from("traceparent"), Buffer.from(traceparent)]]) }),
          })),
        });
        for (const { resolve } of batch) resolve();
      } catch (error) {
        for (const { reject } of batch) reject(isTooLarge(error) ? refused(batch) : error);
      }
    }
    sending = undefined;
  };
  /** A larger payload is sent alone. */
  const takeBatch = () => {
    let bytes = 0;
    let count = 0;
    for (const { payload } of waiting) {
      bytes += payload.length + RECORD_BYTES;
      if (count > 0 && bytes > REQUEST_BYTES_MAX) break;
      count++;
    }
    return waiting.splice(0, count);
  };
  return {
    publish: (payload, context = {}) =>
      new Promise((resolve, reject) => {
        waiting.push({ payload, context, resolve, reject });
        // Messages of one loop share a request.
        sending ??= new Promise<void>((turn) => setImmediate(turn)).then(sendAll);
      }),
    [Symbol.asyncDispose]: async () => {
      await sending;
      waiting = [];
      await producer.close().catch(() => {});
      guard[Symbol.dispose]();
    },
  };
}

function isTooLarge(error: unknown): boolean {
  return error instanceof MultipleErrors && error.findBy("apiId", "MESSAGE_TOO_LARGE") !== null;
}

function refused(batch: readonly Waiting[]): Error {
  return new PayloadRefusedError(`the broker does not accept ${batch[0]?.payload.length} bytes`);
}

/** Below the brokers' default, so that only a single record can be too large. */
const REQUEST_BYTES_MAX = 900_000;
/** Rough overhead of a record. */
const RECORD_BYTES = 100;
