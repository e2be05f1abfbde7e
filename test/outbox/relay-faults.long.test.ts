/** Kafka is unavailable, a broker crashes, a relay is paused for longer than its turn: no event is lost or late. */
import { randomUUID } from "node:crypto";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { KafkaCluster } from "../../tools/stack/kafka-cluster.ts";
import { checkIf } from "../support/check-if.ts";
import { createDatabase, environment, type TestDatabase } from "../support/database.ts";
import { kafkaAt } from "../support/kafka.ts";
import {
  addEvents,
  eventsOfKeys,
  outboxConfig,
  type Received,
  receive,
  startRelay,
  startRelayProcess,
  textsByKey,
  untilDrained,
} from "../support/outbox.ts";
import { until } from "../support/wait.ts";

const faults = suite("relay faults");
const cluster = await KafkaCluster.start(
  `${environment("WAYBILL_TEST_FOLDER")}/cluster-${randomUUID()}`,
  () => {},
);
const check = checkIf(cluster, faults);
const [first, second, third] = cluster?.brokers ?? [];
const { withAdmin } = kafkaAt(first);
const address = cluster?.address as string;

async function newTopic(): Promise<string> {
  const topic = `events-${randomUUID()}`;
  await withAdmin((admin) => admin.createTopics({ topics: [topic], partitions: 3, replicas: 3 }));
  return topic;
}

async function checkpointOf(database: TestDatabase): Promise<number> {
  const { rows } = await database.query("select position from outbox_checkpoints");
  return Number(rows[0]?.position ?? 0n);
}

/** Adds events until the work is done. @returns their number. */
async function addWhile(
  database: TestDatabase,
  topic: string,
  wake: () => void,
  happens: Promise<unknown>,
): Promise<number> {
  let isOver = false;
  const over = happens.finally(() => {
    isOver = true;
  });
  let count = 0;
  while (!isOver) {
    const events = Array.from({ length: 50 }, (_none, index) => ({
      topic,
      key: `key ${(count + index) % 5}`,
      text: String(Math.floor((count + index) / 5)),
    }));
    await addEvents(database, count + 1, events);
    count += events.length;
    wake();
    // Only some batches ahead: the rest must be sent in the end.
    const added = count;
    await until(
      "the relay follows",
      async () => isOver || (await checkpointOf(database)) > added - AHEAD_EVENTS,
    );
  }
  await over;
  return count;
}

/** Every event arrived, and first copies are in order per key. @returns the number of copies. */
function copiesIn(received: readonly Received[], count: number): number {
  const first = new Map<string, Received>();
  for (const one of received) {
    const id = one.headers["message-id"] as string;
    if (!first.has(id)) first.set(id, one);
  }
  assert.is(first.size, count, "every event arrived");
  for (const texts of Object.values(textsByKey([...first.values()]))) {
    assert.equal(
      texts,
      texts.map((_text, place) => String(place)),
      "in the order of its key",
    );
  }
  return received.length - count;
}

check("a broker of the cluster is killed and comes back: every event arrives, in order", async () => {
  await using database = await createDatabase();
  const topic = await newTopic();
  await using relay = startRelay(database, outboxConfig(address));
  let sent = 0;
  const happens = (async () => {
    await until("events are sent", async () => {
      const { rows } = await database.query("select position from outbox_checkpoints");
      return (rows[0]?.position ?? 0n) > 200n;
    });
    await second?.stop("SIGKILL");
    const { rows } = await database.query("select position from outbox_checkpoints");
    sent = Number(rows[0].position);
    await until("it goes on with two brokers", async () => {
      const { rows: now } = await database.query("select position from outbox_checkpoints");
      return Number(now[0].position) > sent + 1_000;
    });
    await second?.start();
  })();
  const count = await addWhile(database, topic, () => relay.wake(), happens);
  await untilDrained(database);
  const copies = copiesIn(await receive(address, topic, count), count);
  process.stderr.write(`a broker killed: ${count} events, ${copies} copies\n`);
});

check("a broker of the cluster hangs with its connections open: the others go on without it", async () => {
  await using database = await createDatabase();
  const topic = await newTopic();
  await using relay = startRelay(database, outboxConfig(address));
  const happens = (async () => {
    await until("events are sent", async () => (await checkpointOf(database)) > 200);
    third?.pause();
    const before = await checkpointOf(database);
    await until("it goes on with two brokers", async () => (await checkpointOf(database)) > before + 5_000);
    third?.resume();
  })();
  const count = await addWhile(database, topic, () => relay.wake(), happens);
  await untilDrained(database);
  const copies = copiesIn(await receive(address, topic, count), count);
  process.stderr.write(`a broker paused: ${count} events, ${copies} copies\n`);
});

check(
  "without enough replicas nothing is sent and nothing is lost; with them all of it arrives",
  async () => {
    await using database = await createDatabase();
    const topic = await newTopic();
    await second?.stop("SIGKILL");
    await third?.stop("SIGKILL");
    await addEvents(database, 1, eventsOfKeys(topic, 500, 5));
    await using relay = startRelay(database, outboxConfig(address));
    await until("it fails", () => relay.isFailing);
    assert.is((await database.query("select from outbox")).rows.length, 500);
    assert.equal(relay.refusals, [], "a fault blocks no key");
    await second?.start();
    await third?.start();
    await untilDrained(database);
    copiesIn(await receive(address, topic, 500), 500);
  },
);

check("a relay that is paused beyond its turn sends nothing behind the relay that took over", async () => {
  await using database = await createDatabase();
  const topic = await newTopic();
  const config = outboxConfig(address);
  const passes = async (what: string, from: number) =>
    until(what, async () => (await checkpointOf(database)) > from + PASSED_EVENTS);
  const paused = startRelayProcess(database, config, { turnSeconds: 1 });
  try {
    const happens = (async () => {
      for (let round = 0; round < PAUSES; round++) {
        await passes("the process sends", await checkpointOf(database));
        // At any step: before or between requests, or in its database transaction.
        paused.signal("SIGSTOP");
        const before = await checkpointOf(database);
        const successor = startRelay(database, config, { turnSeconds: 1 });
        await passes("the other one has taken over", before);
        paused.signal("SIGCONT");
        await passes("the other one goes on", await checkpointOf(database));
        await successor.stop();
      }
    })();
    const count = await addWhile(database, topic, () => {}, happens);
    await untilDrained(database);
    const received = await receive(address, topic, count);
    const copies = copiesIn(received, count);
    for (const texts of Object.values(textsByKey(received))) {
      for (const [index, text] of texts.entries()) {
        // Copies continue without a gap from an earlier event; a late event would cause a gap.
        const before = Number(texts[index - 1] ?? -1);
        assert.ok(Number(text) <= before + 1, `${text} comes behind ${before}`);
      }
    }
    process.stderr.write(`a relay paused ${PAUSES} times: ${count} events, ${copies} copies\n`);
  } finally {
    await paused.end("SIGKILL");
  }
});

check("Kafka is away and comes back: the events wait, and nothing of them is lost", async () => {
  await using database = await createDatabase();
  const topic = await newTopic();
  await using relay = startRelay(database, outboxConfig(address));
  await addEvents(database, 1, eventsOfKeys(topic, 100, 5));
  relay.wake();
  await untilDrained(database);
  for (const broker of [third, second, first]) await broker?.stop("SIGKILL");
  await addEvents(
    database,
    101,
    eventsOfKeys(topic, 100, 5).map(({ text, ...event }) => ({ ...event, text: String(Number(text) + 20) })),
  );
  relay.wake();
  await until("it fails", () => relay.isFailing);
  await first?.start();
  await Promise.all([second?.start(), third?.start()]);
  await untilDrained(database);
  copiesIn(await receive(address, topic, 200), 200);
  await until("it is well again", () => !relay.isFailing);
});

const AHEAD_EVENTS = 3_000;
/** Enough to pause within a batch. */
const PAUSES = 5;
/** More than a batch in flight. */
const PASSED_EVENTS = 1_000;

faults.after(async () => {
  await cluster?.[Symbol.asyncDispose]();
});
faults.run();
