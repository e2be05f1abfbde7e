/** Permanently refused events block only their key, until an operator decides. */
import { randomUUID } from "node:crypto";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { NotFoundError } from "../../src/contract/errors.ts";
import { OutboxDesk } from "../../src/outbox/outbox-desk.ts";
import { checkIf } from "../support/check-if.ts";
import { createDatabase, type TestDatabase } from "../support/database.ts";
import { errorOf } from "../support/error.ts";
import { kafkaAt } from "../support/kafka.ts";
import {
  addEvents,
  DOMAIN,
  outboxConfig,
  receive,
  startRelay,
  textsByKey,
  untilDrained,
} from "../support/outbox.ts";
import { sharedKafka } from "../support/sources.ts";
import { until } from "../support/wait.ts";

const refusals = suite("refusals");
const broker = sharedKafka();
const check = checkIf(broker, refusals);
const { withAdmin, createTopic } = kafkaAt(broker);
const address = broker?.address as string;
const ANN = { author: "Ann", reason: "the topic takes it now" };
const LARGE = "x".repeat(5_000);

/** A topic with this record limit. */
async function narrowTopic(bytes: number): Promise<string> {
  const topic = `narrow-${randomUUID()}`;
  await createTopic(topic, 2);
  await setLimit(topic, bytes);
  return topic;
}

const setLimit = (topic: string, bytes: number) =>
  withAdmin((admin) =>
    admin.incrementalAlterConfigs({
      resources: [
        {
          resourceType: 2,
          resourceName: topic,
          configs: [{ name: "max.message.bytes", configOperation: 0, value: String(bytes) }],
        },
      ],
    }),
  );

const deskOf = (database: TestDatabase) => new OutboxDesk({ database, domains: [DOMAIN] });

/** Events of three keys; the third event of `b` is too large. */
async function addMixed(database: TestDatabase, topic: string): Promise<void> {
  const texts = ["0", "1", "2", "3", "4", "5"];
  await addEvents(
    database,
    1,
    texts.flatMap((text, place) =>
      ["a", "b", "c"].map((key) => ({ topic, key, text: key === "b" && place === 2 ? LARGE : text })),
    ),
  );
}

const blocked = (database: TestDatabase, count = 1) =>
  until(`${count} events are refused and the rest is sent`, async () => {
    const { refusals: found, domains } = await deskOf(database).show();
    return (
      found.length === count && found.every(({ state }) => state === "blocked") && domains[0]?.pending === 0
    );
  });

check("a refused event stops its key; the others go on, later ones of the key wait", async () => {
  await using database = await createDatabase();
  const topic = await narrowTopic(2_000);
  await addMixed(database, topic);
  await using relay = startRelay(database, outboxConfig(address));
  await blocked(database);
  const { domains, refusals: found } = await deskOf(database).show();
  // The third event of b is the eighth overall.
  assert.equal(
    found.map(({ position, ordinal, topic: of, reason, state }) => [position, ordinal, of, reason, state]),
    [["8", 0, topic, "MESSAGE_TOO_LARGE", "blocked"]],
  );
  assert.equal(
    domains.map(({ pending, held }) => [pending, held]),
    [[0, 4]],
  );
  assert.is(relay.isFailing, false, "nothing is being retried");
  assert.equal(
    relay.refusals.map(({ position }) => position),
    [8n],
  );
  const all = ["0", "1", "2", "3", "4", "5"];
  assert.equal(textsByKey(await receive(address, topic, 14)), { a: all, b: ["0", "1"], c: all });
  await addEvents(database, 100, [
    { topic, key: "b", text: "6" },
    { topic, key: "a", text: "6" },
  ]);
  relay.wake();
  assert.equal(textsByKey(await receive(address, topic, 15)), { a: [...all, "6"], b: ["0", "1"], c: all });
});

check("a released event is sent, then those behind it, in their order", async () => {
  await using database = await createDatabase();
  const topic = await narrowTopic(2_000);
  await addMixed(database, topic);
  await using relay = startRelay(database, outboxConfig(address));
  await blocked(database);
  // Released before the fix: it is refused and blocks the key again.
  await deskOf(database).release({ position: 8n, ordinal: 0 }, ANN);
  relay.wake();
  await blocked(database);
  await setLimit(topic, 20_000);
  await addEvents(database, 100, [{ topic, key: "b", text: "6" }]);
  await deskOf(database).release({ position: 8n, ordinal: 0 }, ANN);
  relay.wake();
  await untilDrained(database);
  const { b } = textsByKey(await receive(address, topic, 19));
  assert.equal(b, ["0", "1", LARGE, "3", "4", "5", "6"]);
  await until("no key is blocked", async () => (await deskOf(database).show()).refusals.length === 0);
  await addEvents(database, 200, [{ topic, key: "b", text: "7" }]);
  relay.wake();
  assert.is(textsByKey(await receive(address, topic, 20)).b?.at(-1), "7");
  const { actions } = await deskOf(database).show();
  assert.equal(
    actions.map(({ action, position, refusal, author }) => [action, position, refusal, author]),
    [
      ["release", "8", "MESSAGE_TOO_LARGE", "Ann"],
      ["release", "8", "MESSAGE_TOO_LARGE", "Ann"],
    ],
  );
});

check("a discarded event is never sent, those behind it are, and the record of it stays", async () => {
  await using database = await createDatabase();
  const topic = await narrowTopic(2_000);
  await addMixed(database, topic);
  await using relay = startRelay(database, outboxConfig(address));
  await blocked(database);
  const desk = deskOf(database);
  assert.equal(await desk.discard({ position: 8n, ordinal: 0 }, ANN), {
    domain: DOMAIN,
    position: "8",
    ordinal: 0,
    state: "discarded",
  });
  assert.instance(await errorOf(desk.discard({ position: 8n, ordinal: 0 }, ANN)), NotFoundError);
  assert.instance(await errorOf(desk.release({ position: 9n, ordinal: 0 }, ANN)), NotFoundError);
  relay.wake();
  await untilDrained(database);
  assert.equal(textsByKey(await receive(address, topic, 17)).b, ["0", "1", "3", "4", "5"]);
  assert.equal(
    (await desk.show()).actions.map(({ action, position }) => [action, position]),
    [["discard", "8"]],
  );
  const refused = await errorOf(database.admin("delete from outbox_actions"));
  assert.match((refused as Error).message, "append-only");
});

check(
  "a topic that Kafka could never have refuses its events; one that is missing is waited for",
  async () => {
    await using database = await createDatabase();
    const topic = `missing-${randomUUID()}`;
    await addEvents(database, 1, [
      { topic: "no topic!", key: "a", text: "never" },
      { topic, key: "a", text: "later" },
    ]);
    await using relay = startRelay(database, outboxConfig(address));
    await until("it waits", () => relay.isFailing && relay.refusals.length === 1);
    assert.equal(
      relay.refusals.map(({ position, reason }) => [position, reason]),
      [[1n, "INVALID_TOPIC_EXCEPTION"]],
    );
    await createTopic(topic, 1);
    assert.equal(textsByKey(await receive(address, topic, 1)), { a: ["later"] });
    await until("it is well again", () => !relay.isFailing);
  },
);

check("a topic that does not exist is created if that is wanted", async () => {
  await using database = await createDatabase();
  const topic = `made-${randomUUID()}`;
  await addEvents(database, 1, [{ topic, key: "a", text: "first" }]);
  await using _relay = startRelay(database, outboxConfig(address, { newTopicPartitions: 2 }));
  assert.equal(textsByKey(await receive(address, topic, 1)), { a: ["first"] });
});

refusals.run();
