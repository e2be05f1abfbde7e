/** What no broker does on demand: two of them answer for one partition while it moves. */
import type { KafkaRecord } from "@platformatic/kafka";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Partition } from "../../src/inbox/sources/kafka/partition.ts";
import type {
  FetchedPartition,
  FetchResponse,
  PartitionLog,
} from "../../src/inbox/sources/kafka/partition-log.ts";
import { Reader } from "../../src/inbox/sources/kafka/reader.ts";
import { texts } from "../support/sources.ts";
import { TestSink } from "../support/test-sink.ts";
import { until } from "../support/wait.ts";

const reader = suite("kafka reader");

/** The records of one partition from its beginning, as a broker's response. */
function answerWith(values: readonly string[]): FetchResponse {
  const records = values.map((value, offsetDelta) => ({
    offsetDelta,
    timestampDelta: 0n,
    key: null,
    value: Buffer.from(value),
    headers: [],
  })) as unknown as KafkaRecord[];
  const batch = {
    firstOffset: 0n,
    lastOffsetDelta: values.length - 1,
    attributes: 0,
    firstTimestamp: 1n,
    records,
  };
  const partition = {
    partitionIndex: 0,
    errorCode: 0,
    lastStableOffset: BigInt(values.length),
    records: [batch],
  };
  return {
    errorCode: 0,
    responses: [{ partitions: [partition as unknown as FetchedPartition] }],
  } as FetchResponse;
}

reader("what two leaders of a partition answer is taken once, and what waits for room is kept", async () => {
  const asked = new Map<number, PromiseWithResolvers<FetchResponse>>();
  let leader = 1;
  const log = {
    identity: { clusterId: "cluster", topicId: "id", topic: "topic" },
    leaderOf: () => leader,
    fetch: (broker: number) => {
      const answer = Promise.withResolvers<FetchResponse>();
      asked.set(broker, answer);
      return answer.promise;
    },
  } as unknown as PartitionLog;
  const sink = new TestSink();
  const partition = new Partition(0, 0, -1);
  const reading = new Reader({
    log,
    partitions: new Map([[0, partition]]),
    inbox: sink,
    onInInbox: () => {},
    resetOffset: async () => assert.unreachable(),
    onLost: (cause) => {
      throw cause;
    },
  });
  reading.read();
  leader = 2;
  reading.read();
  assert.equal([...asked.keys()], [1, 2]);
  sink.hasRoom = false;
  asked.get(2)?.resolve(answerWith(texts(5)));
  await until("the new leader's answer is taken", () => partition.isWaiting);
  asked.get(1)?.resolve(answerWith(texts(5)));
  await new Promise((resolve) => setImmediate(resolve));
  sink.hasRoom = true;
  await until("the next is asked for", () => partition.position === 5 && !partition.isWaiting);
  assert.equal(sink.payloads(), texts(5));
  assert.is(partition.safeOffset, 0, "nothing is committed yet");
  sink.commitAll();
  assert.is(partition.safeOffset, 5);
  reading.stop();
});

reader.run();
