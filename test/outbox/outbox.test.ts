/** The engine writes a domain's events with the projection: once and in order, or not at all. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type OutboxEvent, PROJECTED } from "../../src/contract/domain.ts";
import type { InboxRow } from "../../src/contract/message.ts";
import { Handover } from "../../src/projector/handover.ts";
import { projectingOf, projectNext } from "../../src/projector/project.ts";
import { createDatabase, type TestDatabase } from "../support/database.ts";
import { appendAll, domainThat, projectAll, projectOne, tablesOf } from "../support/engine.ts";
import { ledger } from "../support/ledger/index.ts";
import { entryOf } from "../support/ledger/messages.ts";
import { messageOf } from "../support/messages.ts";

const outbox = suite("outbox");

async function eventsOf(database: TestDatabase) {
  const { rows } = await database.query<{
    domain: string;
    position: bigint;
    ordinal: number;
    topic: string;
    key: string;
    payload: Buffer;
    headers: object;
  }>("select domain, position, ordinal, topic, key, payload, headers from outbox order by position, ordinal");
  return rows;
}

/** Returns the events of each row, and writes no tables. */
const domainWithEvents = (eventsOfRow: (row: InboxRow) => OutboxEvent[]) =>
  domainThat(async (batch, transaction) => {
    for (const { position } of batch) {
      await transaction.query("insert into orders values ($1, $2, 'c', 't', now())", [
        `order ${position}`,
        String(position),
      ]);
    }
    return { outcomes: batch.map(() => PROJECTED), events: batch.flatMap(eventsOfRow) };
  });

outbox("each accepted message has its event, a declined and a dead one have none", async () => {
  await using database = await createDatabase(undefined, [ledger]);
  const { receipts } = await appendAll(
    database,
    [entryOf("one", "a", 5), entryOf("two", "a", -9), Buffer.from("garbage"), entryOf("three", "b", 1)].map(
      (payload) => messageOf(payload),
    ),
    ledger,
  );
  await projectAll(database, ledger);
  const [one, , , three] = receipts.map(({ position }) => position);
  assert.equal(await eventsOf(database), [
    {
      domain: "ledger",
      position: one,
      ordinal: 0,
      topic: "ledger.entries",
      key: "a",
      payload: Buffer.from('{"id":"one","balance":"5"}'),
      headers: { "message-id": `ledger/${one}` },
    },
    {
      domain: "ledger",
      position: three,
      ordinal: 0,
      topic: "ledger.entries",
      key: "b",
      payload: Buffer.from('{"id":"three","balance":"1"}'),
      headers: { "message-id": `ledger/${three}` },
    },
  ]);
});

outbox("several events of one message keep their order", async () => {
  await using database = await createDatabase();
  await appendAll(database, [messageOf("a"), messageOf("b")]);
  const three = domainWithEvents(({ position }) =>
    ["x", "y", "z"].map((key) => ({ position, topic: "t", key, payload: Buffer.from(key) })),
  );
  await projectOne(database, three);
  assert.equal(
    (await eventsOf(database)).map(({ ordinal, key }) => `${ordinal}${key}`),
    ["0x", "1y", "2z", "0x", "1y", "2z"],
  );
});

outbox("an event that no broker could carry buries the one message that caused it", async () => {
  await using database = await createDatabase();
  const texts = ["good", "too large", "no topic", "nul in a header", "half a character", "elsewhere", "good"];
  const { receipts } = await appendAll(
    database,
    texts.map((text) => messageOf(text)),
  );
  const careless = domainWithEvents(({ position, payload }) => {
    const event = { position, topic: "t", key: "k", payload: Buffer.from("p") };
    switch (payload.toString()) {
      case "too large":
        return [{ ...event, payload: Buffer.alloc(1024 * 1024 + 1) }];
      case "no topic":
        return [{ ...event, topic: "" }];
      case "nul in a header":
        return [{ ...event, headers: { name: "a\0b" } }];
      case "half a character":
        return [{ ...event, key: "\ud800" }];
      case "elsewhere":
        return [{ ...event, position: position + 1n }];
      default:
        return [event];
    }
  });
  await projectOne(database, careless);
  const good = [receipts[0]?.position, receipts.at(-1)?.position];
  assert.equal(
    (await eventsOf(database)).map(({ position }) => position),
    good,
  );
  const { deadLetters, orders } = await tablesOf(database);
  assert.equal(
    deadLetters.map(({ position, code }) => [position, code]),
    receipts.slice(1, -1).map(({ position }) => [position, "projection_failed"]),
  );
  assert.equal(
    orders.map(({ position }) => position),
    good,
  );
});

outbox("a projection that is not live writes no event", async () => {
  await using database = await createDatabase(undefined, [ledger]);
  await appendAll(database, [messageOf(entryOf("one", "a", 5))], ledger);
  const { outcomes } = await projectNext(database, projectingOf(ledger, { isLive: false }), new Handover());
  assert.is(outcomes.length, 1);
  assert.equal(await eventsOf(database), []);
});

for (const failing of ["outbox", "ledger_entries"]) {
  outbox(
    `events are committed with their projection, or neither is: ${failing} fails at the commit`,
    async () => {
      await using database = await createDatabase(undefined, [ledger]);
      await appendAll(database, [messageOf(entryOf("one", "a", 5))], ledger);
      await database.admin(`
      create function fail() returns trigger language plpgsql as $$ begin raise exception 'at the commit' using errcode = '57000'; end $$;
      create constraint trigger fail after insert on ${failing} deferrable initially deferred for each row execute function fail()`);
      await projectOne(database, ledger).then(
        () => assert.unreachable(),
        (error: Error) => assert.is(error.message, "at the commit"),
      );
      const counts =
        "select (select count(*)::int from outbox) as events, (select count(*)::int from ledger_entries) as entries";
      assert.equal((await database.admin(counts)).rows, [{ events: 0, entries: 0 }]);
      await database.admin(`drop trigger fail on ${failing}`);
      await projectOne(database, ledger);
      assert.equal((await database.admin(counts)).rows, [{ events: 1, entries: 1 }]);
    },
  );
}

outbox.run();
