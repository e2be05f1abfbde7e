/** The offset below which everything is in the inbox, for any order of commits and any seek. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Partition } from "../../src/inbox/sources/kafka/partition.ts";
import { messageOf } from "../support/messages.ts";
import { TestSink } from "../support/test-sink.ts";

const partitions = suite("kafka partition");

/** A partition whose given offsets were read and offered. */
function reading(offsets: readonly number[]) {
  const sink = new TestSink();
  const partition = new Partition(0, 0, -1);
  const read = (more: readonly number[]) => {
    const fetched = more.map((offset) => ({
      offset,
      message: messageOf("x", { messageId: String(offset) }),
    }));
    partition.take(fetched, (more.at(-1) ?? 0) + 1);
    partition.offer(sink, () => {});
  };
  const commit = (offset: number) => {
    const offer = sink.offers.find(({ message }) => message.messageId === String(offset));
    if (offer) sink.commit(offer);
  };
  read(offsets);
  return { partition, sink, read, commit };
}

partitions("everything below the lowest offset in flight is safe, despite gaps between offsets", () => {
  const { partition, commit } = reading([3, 5, 9]);
  assert.is(partition.safeOffset, 3);
  commit(5);
  assert.is(partition.safeOffset, 3);
  commit(3);
  assert.is(partition.safeOffset, 9);
  commit(9);
  assert.is(partition.safeOffset, 10);
});

partitions("what waits for room is not done", () => {
  const { partition, sink, read } = reading([0]);
  sink.commitAll();
  sink.hasRoom = false;
  read([1, 2]);
  assert.equal([partition.isWaiting, partition.safeOffset], [true, 1]);
});

partitions("where records are gone, what was read before them is still waited for", () => {
  const { partition, commit } = reading([0, 1]);
  partition.seek(7);
  assert.equal([partition.position, partition.safeOffset], [7, 0]);
  commit(0);
  commit(1);
  assert.is(partition.safeOffset, 7);
});

partitions("where a log is read again from an earlier place, nothing behind that is done", () => {
  const { partition, commit } = reading([4, 5]);
  partition.seek(2);
  commit(4);
  assert.is(partition.safeOffset, 2);
  commit(5);
  assert.is(partition.safeOffset, 2);
});

partitions.run();
