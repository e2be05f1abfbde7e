/** The timer source: one with simulated time, and two on one database. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { ByteBudget } from "../../src/inbox/byte-budget.ts";
import { Inbox } from "../../src/inbox/inbox.ts";
import { TimerSource } from "../../src/inbox/sources/timer.ts";
import { createLogger } from "../../src/telemetry/logger.ts";
import { createDatabase } from "../support/database.ts";
import { appendAll } from "../support/engine.ts";
import { TestSink } from "../support/test-sink.ts";
import { until } from "../support/wait.ts";

const timer = suite("timer");
const BEGIN_MS = Date.UTC(2026, 0, 1, 12, 0, 0, 400);

/** Time that only the test advances. */
function controlledTime() {
  let now = BEGIN_MS;
  let waiting: { at: number; resolve: () => void }[] = [];
  return {
    clock: {
      now: () => now,
      wait: (milliseconds: number, signal: AbortSignal) => {
        if (signal.aborted) return Promise.resolve();
        const { promise, resolve } = Promise.withResolvers<void>();
        waiting.push({ at: now + milliseconds, resolve });
        signal.addEventListener("abort", () => resolve(), { once: true });
        return promise;
      },
    },
    /** Advances to the next second, once that many loops wait. */
    async nextSecond(loops = 1): Promise<void> {
      await until("all loops wait", () => waiting.length === loops);
      now = Math.floor(now / 1000) * 1000 + 1000;
      const due = waiting.filter(({ at }) => at <= now);
      waiting = waiting.filter(({ at }) => at > now);
      for (const { resolve } of due) resolve();
    },
    /** Resolves when that many loops have finished this second. */
    settled: (loops = 1) => until("all loops wait", () => waiting.length === loops),
  };
}

/** One due time, in the role of a table. */
class Due {
  at: Date | undefined;
  asked = 0;
  fault: Error | undefined;
  read = async (): Promise<Date | undefined> => {
    this.asked += 1;
    if (this.fault) throw this.fault;
    return this.at;
  };
}

const payloadOf = (second: Date) => Buffer.from(JSON.stringify({ tick: second.toISOString() }));
const logger = createLogger("silent");
const idOf = (second: number) => `2026-01-01T12:00:${String(second).padStart(2, "0")}.000Z`;
const idsOf = (sink: TestSink) => sink.offers.map(({ message }) => message.messageId);

function started(dueAt?: Date) {
  const time = controlledTime();
  const due = new Due();
  due.at = dueAt;
  const sink = new TestSink();
  const source = new TimerSource({ channel: "chores", nextDueAt: due.read, payloadOf, logger, ...time });
  source.start(sink);
  return { time, due, sink, source };
}

timer("nothing due, no ticks, and one query a second", async () => {
  const { time, due, sink, source } = started();
  for (let second = 0; second < 5; second++) await time.nextSecond();
  due.at = new Date(BEGIN_MS + 3_600_000);
  for (let second = 0; second < 5; second++) await time.nextSecond();
  await time.settled();
  assert.equal(idsOf(sink), []);
  assert.is(due.asked, 11);
  assert.ok(source.health.connected);
  await source.close();
});

timer(
  "a tick comes at the first whole second that is not before the due time, with its payload",
  async () => {
    // It is 12:00:00.4, and the due time is 12:00:00.2, after the second 12:00:00.0.
    const { time, sink, source } = started(new Date(BEGIN_MS - 200));
    await time.settled();
    assert.equal(idsOf(sink), []);
    await time.nextSecond();
    await time.settled();
    assert.equal(idsOf(sink), [idOf(1)]);
    const message = sink.offers[0]?.message;
    assert.equal(
      [message?.source, message?.channel, message?.publishedAtMs],
      ["timer", "chores", Date.UTC(2026, 0, 1, 12, 0, 1)],
    );
    assert.is(message?.payload.toString(), `{"tick":"${idOf(1)}"}`);
    await source.close();
  },
);

timer("while something stays due there is a tick each second, and none once it is done", async () => {
  const { time, due, sink, source } = started();
  due.at = new Date(BEGIN_MS - 5_000);
  await time.settled();
  for (let second = 0; second < 3; second++) {
    await time.nextSecond();
    await time.settled();
    sink.commitAll();
  }
  assert.equal(idsOf(sink), [idOf(1), idOf(2), idOf(3)]);
  due.at = undefined;
  for (let second = 0; second < 3; second++) await time.nextSecond();
  await time.settled();
  assert.is(sink.offers.length, 3);
  await source.close();
});

timer(
  "invariant 1: a tick that is never committed is offered again, and nothing else meanwhile",
  async () => {
    const { time, due, sink, source } = started();
    due.at = new Date(BEGIN_MS - 5_000);
    for (let second = 0; second < 4; second++) await time.nextSecond();
    await time.settled();
    assert.ok(sink.offers.length > 2);
    assert.is(new Set(idsOf(sink)).size, 1);
    sink.commitAll();
    await time.nextSecond();
    await time.settled();
    assert.is(new Set(idsOf(sink)).size, 2);
    await source.close();
  },
);

timer("a tick that found no room is offered again at the next second", async () => {
  const { time, due, sink, source } = started();
  await time.settled();
  due.at = new Date(BEGIN_MS - 5_000);
  sink.hasRoom = false;
  await time.nextSecond();
  await time.settled();
  assert.is(sink.refusals, 1);
  sink.hasRoom = true;
  await time.nextSecond();
  await time.settled();
  assert.equal(idsOf(sink), [idOf(1)]);
  await source.close();
});

timer("a database that cannot be asked is reported, and asked again at the next second", async () => {
  const { time, due, sink, source } = started();
  await time.settled();
  due.fault = new Error("the database is unavailable");
  due.at = new Date(BEGIN_MS - 5_000);
  await time.nextSecond();
  await time.settled();
  assert.equal(source.health, { connected: false, reason: "the database is unavailable" });
  due.fault = undefined;
  await time.nextSecond();
  await time.settled();
  assert.equal(idsOf(sink), [idOf(2)]);
  assert.ok(source.health.connected);
  await source.close();
});

timer(
  "offers nothing any more once it is stopped, and a stop does not wait for the next second",
  async () => {
    const { time, due, sink, source } = started();
    await time.settled();
    const answer = Promise.withResolvers<Date>();
    due.read = () => answer.promise;
    const slow = new TimerSource({
      channel: "chores",
      nextDueAt: () => answer.promise,
      payloadOf,
      logger,
      ...time,
    });
    slow.start(sink);
    await source.close();
    const closing = slow.close();
    answer.resolve(new Date(BEGIN_MS - 5_000));
    await closing;
    assert.equal(idsOf(sink), []);
    assert.equal(slow.health, { connected: false, reason: "closed" });
  },
);

timer("two processes with one database make one row a second that is due", async () => {
  await using database = await createDatabase();
  const time = controlledTime();
  const due = new Due();
  due.at = new Date(BEGIN_MS - 5_000);
  const processes = [1, 2].map(() => {
    const inbox = new Inbox({
      append: (messages) => appendAll(database, messages),
      waitForTurn: async () => {},
      onAppended: () => {},
      buffer: new ByteBudget(1024 * 1024).share(),
      logger,
    });
    const source = new TimerSource({ channel: "chores", nextDueAt: due.read, payloadOf, logger, ...time });
    source.start(inbox);
    return { inbox, source };
  });
  const committed = () =>
    until("all is committed", () => processes.every(({ inbox }) => inbox.bufferBytes === 0));
  for (let second = 0; second < 4; second++) {
    await time.settled(2);
    await committed();
    await time.nextSecond(2);
  }
  due.at = undefined;
  await time.settled(2);
  await committed();
  await time.nextSecond(2);
  for (const { source, inbox } of processes) {
    await source.close();
    await inbox.drain(10);
  }
  const { rows } = await database.admin(
    "select message_id from inbox where source = 'timer' and channel = 'chores'",
  );
  assert.equal(rows.map(({ message_id }) => message_id).sort(), [0, 1, 2, 3, 4].map(idOf));
});

timer.run();
