/**
 * What a fetch brought of one partition becomes messages. Records of transactions that were aborted, and the markers
 * that end transactions, are left out.
 */
import type { KafkaRecord, RecordsBatch } from "@platformatic/kafka";
import { headersToJson, plausibleTime, traceparentIn } from "../../../contract/headers.ts";
import type { Message } from "../../../contract/message.ts";
import type { KafkaLog } from "./kafka-cluster.ts";
import type { FetchedPartition } from "./kafka-leaders.ts";
import type { FetchedMessage } from "./kafka-partition.ts";

/**
 * @param from the offset that was asked for: a batch comes whole, even where it begins before that.
 * @returns the messages in the order of their offsets, and where to read on.
 */
export function readFetched(
  log: KafkaLog,
  { partitionIndex, records, abortedTransactions }: FetchedPartition,
  from: number,
): { fetched: FetchedMessage[]; position: number } {
  const batches = records ?? [];
  const fetched: FetchedMessage[] = [];
  for (const batch of withoutAborted(batches, abortedTransactions ?? [])) {
    const first = Number(batch.firstOffset);
    const suffix = `/${batch.partitionLeaderEpoch}/${partitionIndex}/${log.topicId}/${log.clusterId}`;
    for (const record of batch.records) {
      const offset = first + record.offsetDelta;
      if (offset < from) continue;
      fetched.push({ offset, message: messageOf(log.topic, `${offset}${suffix}`, batch, record) });
    }
  }
  const last = batches.at(-1);
  const next = last ? Number(last.firstOffset) + last.lastOffsetDelta + 1 : from;
  return { fetched, position: Math.max(from, next) };
}

/**
 * The id holds the leader's epoch too: an offset is given a second time where a broker loses the end of its log, and
 * the record that then stands there is another one.
 */
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
    publishedAt: plausibleTime(
      Number(isSetByBroker ? batch.maxTimestamp : batch.firstTimestamp + record.timestampDelta),
    ),
    ...(traceparent === undefined ? {} : { traceparent }),
    ...(json === undefined ? {} : { headers: json }),
  };
}

/**
 * The batches whose records count. A fetch names the aborted transactions by producer and first offset; each ends with
 * a marker of that producer.
 * Source: KIP-98, "Exactly Once Delivery and Transactional Messaging", 5.3 (the consumer's side of aborted transactions).
 */
function* withoutAborted(
  batches: readonly RecordsBatch[],
  aborted: NonNullable<FetchedPartition["abortedTransactions"]>,
): Generator<RecordsBatch> {
  const coming = [...aborted].sort((one, other) => (one.firstOffset < other.firstOffset ? -1 : 1));
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

/** The key of a marker is a version and a type, 16 bits each. */
function isAbortMarker({ records: [marker] }: RecordsBatch): boolean {
  return marker?.key !== undefined && marker.key !== null && marker.key.readInt16BE(2) === ABORT;
}

const EMPTY = Buffer.alloc(0);
const ABORT = 0;

/** Bits of a batch's attributes. Source: Kafka protocol, record batch, "attributes". */
const TIMESTAMP_OF_BROKER = 1 << 3;
const TRANSACTIONAL = 1 << 4;
const CONTROL = 1 << 5;
