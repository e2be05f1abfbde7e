/** One relay at a time: the turn in the database and the broker's session, each tested alone. */
import { randomUUID } from "node:crypto";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { endTurn, moveCheckpoint, takeTurn } from "../../src/outbox/outbox-checkpoints-table.ts";
import { KafkaTransport } from "../../src/outbox/transport-kafka.ts";
import { checkIf } from "../support/check-if.ts";
import { createDatabase } from "../support/database.ts";
import { errorOf } from "../support/error.ts";
import { kafkaAt } from "../support/kafka.ts";
import { DOMAIN, outboxConfig, receive } from "../support/outbox.ts";
import { sharedKafka } from "../support/sources.ts";

const fencing = suite("fencing");
const broker = sharedKafka();
const check = checkIf(broker, fencing);
const { createTopic } = kafkaAt(broker);
const address = broker?.address as string;

const eventAt = (topic: string, position: number) => ({
  topic,
  key: "k",
  position: BigInt(position),
  ordinal: 0,
  payload: Buffer.from(`event ${position}`),
  headers: {},
});

fencing("a turn is of one relay until it ends, and a new epoch says who took over", async () => {
  await using database = await createDatabase();
  const first = await takeTurn(database, DOMAIN, undefined, 60);
  assert.equal(first, { position: 0n, ordinal: -1, epoch: 1n });
  assert.is(await takeTurn(database, DOMAIN, undefined, 60), undefined, "another one waits");
  assert.is((await takeTurn(database, DOMAIN, 1n, 60))?.epoch, 1n, "its own turn goes on");
  await database.admin("update outbox_checkpoints set turn_until = now() - interval '1 second'");
  assert.is((await takeTurn(database, DOMAIN, undefined, 60))?.epoch, 2n, "an old turn is taken over");
  const isMoved = (epoch: bigint) =>
    moveCheckpoint(database, DOMAIN, epoch, { position: 5n, ordinal: 1 }, 60);
  assert.is(await isMoved(1n), false, "the relay that had it cannot move the checkpoint any more");
  assert.is(await isMoved(2n), true);
  await endTurn(database, DOMAIN, 1n);
  assert.is(await takeTurn(database, DOMAIN, 1n, 60), undefined, "nor end the turn of its successor");
  await endTurn(database, DOMAIN, 2n);
  assert.equal(await takeTurn(database, DOMAIN, 1n, 60), { position: 5n, ordinal: 1, epoch: 3n });
});

fencing("a relay that hangs within a transaction makes no other one wait", async () => {
  await using database = await createDatabase();
  await takeTurn(database, DOMAIN, undefined, 0);
  await database.transaction(async (hanging) => {
    await moveCheckpoint(hanging, DOMAIN, 1n, { position: 1n, ordinal: 0 }, undefined);
    assert.is(await takeTurn(database, DOMAIN, undefined, 60), undefined);
  });
  assert.is((await takeTurn(database, DOMAIN, undefined, 60))?.epoch, 2n);
});

check("a session that another one replaced can neither send nor finish what it had begun", async () => {
  const topic = `fenced-${randomUUID()}`;
  await createTopic(topic, 1);
  const config = outboxConfig(address);
  await using transport = new KafkaTransport(config);
  await using paused = await transport.open();
  await paused.send(DOMAIN, [eventAt(topic, 1)]);
  await using taken = await transport.open();
  await errorOf(paused.send(DOMAIN, [eventAt(topic, 2)]));
  await taken.send(DOMAIN, [eventAt(topic, 3)]);
  await errorOf(paused.send(DOMAIN, [eventAt(topic, 4)]));
  const received = await receive(address, topic, 2);
  assert.equal(
    received.map(({ text }) => text),
    ["event 1", "event 3"],
  );
});

check("a transactional id is used again and again, by one process after the other", async () => {
  const topic = `again-${randomUUID()}`;
  await createTopic(topic, 2);
  const config = outboxConfig(address);
  for (let position = 1; position <= 4; position++) {
    await using transport = new KafkaTransport(config);
    await using session = await transport.open();
    await session.send(DOMAIN, [eventAt(topic, position)]);
  }
  assert.is((await receive(address, topic, 4)).length, 4);
});

fencing.run();
