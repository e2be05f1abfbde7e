import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Message } from "../../src/contract/message.ts";
import type { Appended } from "../../src/inbox/append.ts";
import { ByteBudget } from "../../src/inbox/byte-budget.ts";
import { Inbox } from "../../src/inbox/inbox.ts";
import { createLogger } from "../../src/telemetry/logger.ts";
import { messageOf } from "../support/messages.ts";
import { until } from "../support/wait.ts";

/** An inbox whose appends wait until the test releases or fails them. */
function controlled({ bufferBytesMax = 1024 * 1024 } = {}) {
  const batches: (readonly Message[])[] = [];
  const gates: { resolve: () => void; reject: (error: Error) => void }[] = [];
  let position = 0n;
  const inbox = new Inbox({
    append: async (messages): Promise<Appended> => {
      batches.push(messages);
      await new Promise<void>((resolve, reject) => gates.push({ resolve, reject }));
      const after = position;
      const receipts = messages.map(() => ({ position: ++position, isNew: true }));
      return { receipts, after, receivedAtMs: 0, upTo: position };
    },
    waitForTurn: async () => {},
    onAppended: () => {},
    buffer: new ByteBudget(bufferBytesMax).share(),
    logger: createLogger("silent"),
  });
  return { inbox, batches, gates };
}

test("what arrives while an append is in flight is the next append", async () => {
  const { inbox, batches, gates } = controlled();
  inbox.offer(messageOf("a"), () => {});
  await until("the first append is in flight", () => batches.length === 1);
  for (const text of ["b", "c", "d"]) inbox.offer(messageOf(text), () => {});
  gates.shift()?.resolve();
  await until("the second append is in flight", () => batches.length === 2);
  assert.equal(
    batches.map((batch) => batch.map(({ payload }) => payload.toString()).join("")),
    ["a", "bcd"],
  );
  gates.shift()?.resolve();
  await inbox.drain(1);
});

test("invariant 1: nothing is acknowledged before its append commits, and nothing if the append fails", async () => {
  const { inbox, batches, gates } = controlled();
  const committed: bigint[] = [];
  inbox.offer(messageOf("a"), ({ position }) => committed.push(position));
  await until("the append is in flight", () => batches.length === 1);
  assert.equal(committed, []);
  gates.shift()?.reject(new Error("the database is unavailable"));
  await until("it is tried again", () => batches.length === 2);
  assert.equal(committed, []);
  assert.is(inbox.failure, "the database is unavailable");
  gates.shift()?.resolve();
  await until("it is acknowledged", () => committed.length === 1);
  assert.is(inbox.failure, undefined);
  await inbox.drain(1);
});

for (const [where, make] of [
  ["payloads", () => messageOf(Buffer.alloc(1_000))],
  ["headers", () => messageOf("", { headers: JSON.stringify({ key: "x".repeat(990) }) })],
] as const) {
  test(`invariant 11: while the database is unavailable, buffered bytes, of ${where}, are bounded, and more is refused`, async () => {
    const bufferBytesMax = 100_000;
    const { inbox, batches } = controlled({ bufferBytesMax });
    let taken = 0;
    for (let sent = 0; sent < 1_000; sent++) if (inbox.offer(make(), () => {})) taken++;
    await until("the append is in flight", () => batches.length === 1);
    assert.ok(taken > 50 && taken < 100, `took ${taken}`);
    assert.ok(inbox.bufferBytes <= bufferBytesMax);
    assert.not(inbox.offer(make(), () => {}));
    await inbox.drain(0.01).catch(() => {});
  });
}

test("invariant 11: a redelivered copy replaces the one that is held, and the newest is acknowledged", async () => {
  const { inbox, batches, gates } = controlled();
  const acknowledged: string[] = [];
  const inFlight = messageOf("in flight");
  const waiting = messageOf("waiting");
  inbox.offer(inFlight, () => acknowledged.push("in flight, old"));
  await until("the append is in flight", () => batches.length === 1);
  inbox.offer(waiting, () => acknowledged.push("waiting, old"));
  const bytes = inbox.bufferBytes;
  for (let copy = 0; copy < 100; copy++) {
    inbox.offer({ ...inFlight }, () => acknowledged.push("in flight, new"));
    inbox.offer({ ...waiting }, () => acknowledged.push("waiting, new"));
  }
  assert.is(inbox.bufferBytes, bytes);
  gates.shift()?.resolve();
  await until("the second append is in flight", () => batches.length === 2);
  gates.shift()?.resolve();
  await until("both are acknowledged", () => acknowledged.length === 2);
  assert.equal(acknowledged, ["in flight, new", "waiting, new"]);
  assert.is(inbox.bufferBytes, 0);
  await inbox.drain(1);
});

test("a batch is bounded in messages and in bytes", async () => {
  const { inbox, batches, gates } = controlled({ bufferBytesMax: 64 * 1024 * 1024 });
  for (let sent = 0; sent < 4_500; sent++) inbox.offer(messageOf("x"), () => {});
  for (let sent = 0; sent < 10; sent++) inbox.offer(messageOf(Buffer.alloc(1024 * 1024)), () => {});
  const draining = inbox.drain(10);
  const opening = setInterval(() => gates.shift()?.resolve(), 1);
  await draining;
  clearInterval(opening);
  assert.equal(
    batches.map((batch) => batch.length),
    [4_000, 507, 3],
  );
});

test("one acknowledgement that throws does not keep the others from theirs", async () => {
  const { inbox, batches, gates } = controlled();
  const acknowledged: string[] = [];
  inbox.offer(messageOf("a"), () => {
    throw new Error("this connection is gone");
  });
  inbox.offer(messageOf("b"), () => acknowledged.push("b"));
  await until("the append is in flight", () => batches.length === 1);
  gates.shift()?.resolve();
  await inbox.drain(1);
  assert.equal(acknowledged, ["b"]);
});

test("an empty buffer accepts a message that is larger than the buffer, so it is not refused forever", async () => {
  const { inbox, batches, gates } = controlled({ bufferBytesMax: 1_000 });
  assert.ok(inbox.offer(messageOf(Buffer.alloc(5_000)), () => {}));
  assert.not(inbox.hasRoomFor(messageOf("a")));
  assert.not(inbox.offer(messageOf("a"), () => {}));
  await until("it is in flight", () => batches.length === 1);
  gates.shift()?.resolve();
  await until("there is room again", () => inbox.hasRoomFor(messageOf("a")));
  // The number of messages in these requests is unknown, so the count is strict.
  assert.not(inbox.hasRoomForBytes(5_000));
  assert.not(controlled({ bufferBytesMax: 1_000 }).inbox.hasRoomForBytes(5_000));
  await inbox.drain(1);
});

test.run();
