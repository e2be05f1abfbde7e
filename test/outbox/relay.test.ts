/** The relay on a real Kafka: committed records, and events left in the outbox. */
import { randomUUID } from "node:crypto";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Handover } from "../../src/projector/handover.ts";
import { projectingOf, projectNext } from "../../src/projector/project.ts";
import { checkIf } from "../support/check-if.ts";
import { createDatabase } from "../support/database.ts";
import { appendAll, projectAll } from "../support/engine.ts";
import { kafkaAt } from "../support/kafka.ts";
import { ledger } from "../support/ledger/index.ts";
import { entryOf } from "../support/ledger/messages.ts";
import { messageOf } from "../support/messages.ts";
import {
  addEvents,
  eventsOfKeys,
  outboxConfig,
  receive,
  startRelay,
  startRelayProcess,
  textsByKey,
  untilDrained,
} from "../support/outbox.ts";
import { sharedKafka } from "../support/sources.ts";
import { until } from "../support/wait.ts";

const relaying = suite("relay");
const broker = sharedKafka();
const check = checkIf(broker, relaying);
const { createTopic } = kafkaAt(broker);
const address = broker?.address as string;

async function newTopic(partitions = 3): Promise<string> {
  const topic = `events-${randomUUID()}`;
  await createTopic(topic, partitions);
  return topic;
}

check("every event arrives once, in the order of its key, and leaves the outbox", async () => {
  await using database = await createDatabase();
  const topic = await newTopic();
  await addEvents(database, 1, eventsOfKeys(topic, 2_500, 7));
  const batches: number[] = [];
  await using relay = startRelay(database, outboxConfig(address), {
    onSent: (events) => batches.push(events.length),
  });
  await untilDrained(database);
  assert.equal(batches, [1_000, 1_000, 500]);
  const received = await receive(address, topic, 2_500);
  assert.is(received.length, 2_500);
  for (const texts of Object.values(textsByKey(received))) {
    assert.equal(
      texts,
      texts.map((_text, place) => String(place)),
    );
  }
  // The relay finds later events by polling.
  await addEvents(database, 10_000, [{ topic, key: "late", text: "late" }]);
  relay.wake();
  assert.equal(textsByKey(await receive(address, topic, 2_501)).late, ["late"]);
});

check("a record has the event's key, its place as message-id, and its headers and trace", async () => {
  await using database = await createDatabase();
  const topic = await newTopic(1);
  const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  const event = { topic, key: "a key, not a position" };
  await addEvents(database, 41, [
    { ...event, text: "first", headers: { sequence: "7", traceparent, "message-id": "of the domain" } },
    { ...event, text: "other" },
  ]);
  await addEvents(database, 43, [{ ...event, text: "a" }]);
  await using _relay = startRelay(database, outboxConfig(address));
  assert.equal(await receive(address, topic, 3), [
    {
      key: event.key,
      text: "first",
      headers: { sequence: "7", traceparent, "message-id": "ledger/41/0" },
    },
    { key: event.key, text: "other", headers: { "message-id": "ledger/42/0" } },
    { key: event.key, text: "a", headers: { "message-id": "ledger/43/0" } },
  ]);
});

check(
  "the events of a projection carry the trace of their message; a rebuild publishes nothing",
  async () => {
    await using database = await createDatabase(undefined, [ledger]);
    const traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    await createTopic("ledger.entries", 1).catch(() => {});
    await appendAll(
      database,
      [entryOf("one", "a", 5), entryOf("two", "a", 6)].map((payload) => ({
        ...messageOf(payload),
        traceparent,
      })),
      ledger,
    );
    await projectAll(database, ledger);
    const sent: string[] = [];
    const keep = {
      onSent: (events: readonly { headers: object }[]) => {
        for (const { headers } of events)
          sent.push((headers as Record<string, string>).traceparent ?? "none");
      },
    };
    await using _relay = startRelay(database, outboxConfig(address), keep);
    await until("both are sent", () => sent.length === 2);
    assert.equal(sent, [traceparent, traceparent]);
    await untilDrained(database);
    await database.admin("update checkpoints set position = 0, projected = 0, duplicate = 0, dead = 0");
    await database.admin("delete from ledger_entries; delete from ledger_accounts");
    const again = await projectNext(database, projectingOf(ledger, { isLive: false }), new Handover());
    assert.is(again.rows.length, 2);
    assert.is(again.events, 0);
    assert.equal((await database.query("select from outbox")).rows, []);
  },
);

check(
  "a process that dies between sending and the checkpoint sends its batch again, recognisably",
  async () => {
    await using database = await createDatabase();
    const topic = await newTopic();
    await addEvents(database, 1, eventsOfKeys(topic, 300, 3));
    const config = outboxConfig(address);
    const dying = startRelayProcess(database, config, { failpoint: "relay-before-checkpoint" });
    await dying.ended;
    assert.is((await database.query("select from outbox")).rows.length, 300, "the outbox knows of nothing");
    assert.is((await receive(address, topic, 300)).length, 300, "the broker has stored the batch");
    // The dead process's turn has expired.
    await database.admin("update outbox_checkpoints set turn_until = null");
    await using _relay = startRelay(database, config);
    await untilDrained(database);
    const received = await receive(address, topic, 600);
    const copies = Map.groupBy(received, ({ headers }) => headers["message-id"]);
    assert.is(received.length, 600, "each event is there twice");
    assert.is(copies.size, 300, "and both have the same message-id");
    for (const texts of Object.values(textsByKey(received))) {
      const once = Array.from({ length: 100 }, (_none, place) => String(place));
      assert.equal(texts, [...once, ...once], "the copies keep their order");
    }
  },
);

check("several relays of one domain send every event once", async () => {
  await using database = await createDatabase();
  const topic = await newTopic();
  const config = outboxConfig(address);
  const sentBy = [0, 0];
  const relays = sentBy.map((_none, place) =>
    startRelay(database, config, {
      onSent: (events) => {
        sentBy[place] = (sentBy[place] as number) + events.length;
      },
    }),
  );
  try {
    for (let first = 1; first <= 4_000; first += 200) {
      await addEvents(database, first, eventsOfKeys(topic, 200, 5));
      // Both project alternately, like two processes.
      relays[first % 400 === 1 ? 0 : 1]?.wake();
    }
    await untilDrained(database);
  } finally {
    for (const relay of relays) await relay.stop();
  }
  const received = await receive(address, topic, 4_000);
  assert.is(received.length, 4_000);
  assert.is((sentBy[0] as number) + (sentBy[1] as number), 4_000);
});

check("when one relay stops, the other one goes on at once", async () => {
  await using database = await createDatabase();
  const topic = await newTopic(1);
  const config = outboxConfig(address);
  const first = startRelay(database, config, { turnSeconds: 3_600 });
  await addEvents(database, 1, eventsOfKeys(topic, 10, 1));
  first.wake();
  await untilDrained(database);
  await first.stop();
  await addEvents(database, 11, eventsOfKeys(topic, 10, 1));
  await using _second = startRelay(database, config);
  await untilDrained(database);
  assert.is((await receive(address, topic, 20)).length, 20);
});

relaying.run();
