/** Converts fetched records to messages, without markers and records of aborted transactions. */
import type { KafkaRecord, RecordsBatch } from "@platformatic/kafka";
import { headersToJson, traceparentIn, validTimestamp } from "../../../contract/headers.ts";
import type { Message } from "../../../contract/message.ts";
import type { TopicIdentity } from "./cluster.ts";
import type { FetchedMessage } from "./partition.ts";
import type { FetchedPartition } from "./partition-log.ts";

/**
 * @param from the requested offset; a fetched batch may begin earlier.
 * @returns also the offset to read next.
 */
export function readFetched(
  topic: TopicIdentity,
  { partitionIndex, records, abortedTransactions }: FetchedPartition,
  from: number,
): { fetched: FetchedMessage[]; position: number } {
  const batches = records ?? [];
  const fetched: FetchedMessage[] = [];
  for (const batch of withoutAborted(batches, abortedTransactions ?? [])) {
    const first = Number(batch.firstOffset);
    const suffix = `/${batch.partitionLeaderEpoch}/${partitionIndex}/${topic.topicId}/${topic.clusterId}`;
    for (const record of batch.records) {
      const offset = first + record.offsetDelta;
      if (offset < from) continue;
      fetched.push({ offset, message: messageOf(topic.topic, `${offset}${suffix}`, batch, record) });
    }
  }
  const last = batches.at(-1);
  const next = last ? Number(last.firstOffset) + last.lastOffsetDelta + 1 : from;
  return { fetched, position: Math.max(from, next) };
}

/** With the leader's epoch: a broker that lost the end of its log assigns the lost offsets again. */
function messageOf(topic: string, messageId: string, batch: RecordsBatch, record: KafkaRecord): Message {
  const { key, value, headers } = record;
  const isSetByBroker = (batch.attributes & TIMESTAMP_OF_BROKER) !== 0;
  const json = headersToJson({ headers, key, isNull: value === null });
  const traceparent = headers.length > 0 ? traceparentIn(headers) : undefined;
  return {
    source: "kafka",
    channel: topic,
    messageId,
    payload: value ?? EMPTY,
    publishedAtMs: validTimestamp(
      Number(isSetByBroker ? batch.maxTimestamp : batch.firstTimestamp + record.timestampDelta),
    ),
    ...(traceparent === undefined ? {} : { traceparent }),
    ...(json === undefined ? {} : { headers: json }),
  };
}

/**
 * A fetch names aborted transactions by producer and first offset; the producer's marker ends each. Source: KIP-98,
 * "Exactly Once Delivery and Transactional Messaging", 5.3.
 */
function* withoutAborted(
  batches: readonly RecordsBatch[],
  aborted: NonNullable<FetchedPartition["abortedTransactions"]>,
): Generator<RecordsBatch> {
  const coming = [...aborted].sort((a, b) => (a.firstOffset < b.firstOffset ? -1 : 1));
  const producers = new Set<bigint>();
  for (const batch of batches) {
    const lastOffset = batch.firstOffset + BigInt(batch.lastOffsetDelta);
    for (let next = coming[0]; next && next.firstOffset <= lastOffset; next = coming[0]) {
      producers.add(next.producerId);
      coming.shift();
    }
    if (batch.attributes & CONTROL) {
      if (isAbortMarker(batch)) producers.delete(batch.producerId);
    } else if (!(batch.attributes & TRANSACTIONAL && producers.has(batch.producerId))) {
      yield batch;
    }
  }
}

/** The key is a version and a type, 16 bits each. */
function isAbortMarker({ records: [marker] }: RecordsBatch): boolean {
  return marker?.key !== undefined && marker.key !== null && marker.key.readInt16BE(2) === ABORT;
}

const EMPTY = Buffer.alloc(0);
const ABORT = 0;

/** Source: Kafka protocol, record batch, "attributes". */
const TIMESTAMP_OF_BROKER = 1 << 3;
const TRANSACTIONAL = 1 << 4;
const CONTROL = 1 << 5;
