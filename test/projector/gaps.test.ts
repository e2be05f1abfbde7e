/** Messages that the broker lost before anybody saw them. */
import { join } from "node:path";
import type pg from "pg";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { ORDERS } from "../../src/domains/orders/index.ts";
import { audit } from "../../src/projector/audit.ts";
import { toPayload } from "../../tools/publisher/load.ts";
import { OrderFactory } from "../../tools/publisher/orders.ts";
import { connectToBroker } from "../../tools/publisher/transport.ts";
import { findBroker, NatsStreaming } from "../../tools/stack/nats-streaming.ts";
import { createDatabase, environment } from "../support/database.ts";
import { appendAll } from "../support/engine.ts";
import { messageOf } from "../support/messages.ts";
import { auditOf, startAsProcess } from "../support/service.ts";
import { until } from "../support/wait.ts";

const gaps = suite("gaps");

type Numbers = readonly (readonly [number: number, time?: number])[];

async function gapsOf(pool: pg.Pool, gapSettledSeconds = 0, isFull = false) {
  const { domains } = await audit(pool, [ORDERS], { gapSettledSeconds, isFull });
  return domains.orders?.gaps ?? [];
}

/**
 * Appends messages with the given numbers, a millisecond apart, and gives what the audit finds missing.
 * @param parts are appended one after another, with an audit after each.
 */
async function missingAfterParts(parts: readonly Numbers[], settled = 0) {
  await using database = await createDatabase();
  const found = [];
  let count = 0;
  for (const numbers of parts) {
    const messages = numbers.map(([number, time]) =>
      messageOf("x", { source: "nats-streaming", messageId: `${number}-${time ?? 1_000 + count++}` }),
    );
    await appendAll(database.pool, messages);
    const gaps = await gapsOf(database.pool, settled);
    found.push(gaps.map(({ from, to, before }) => [Number(from), Number(to), Number(before)]));
  }
  const whole = await gapsOf(database.pool, settled, true);
  assert.equal(
    found.at(-1),
    whole.map(({ from, to, before }) => [Number(from), Number(to), Number(before)]),
    "what was carried from audit to audit is what one audit of everything finds",
  );
  return found;
}

const missingAfter = async (numbers: Numbers, settled = 0) =>
  (await missingAfterParts([numbers], settled))[0];

gaps("nothing is missing where every number came, in whatever order", async () => {
  assert.equal(await missingAfter([[1], [2], [3]]), []);
  assert.equal(
    await missingAfter([
      [3, 30],
      [1, 10],
      [2, 20],
    ]),
    [],
  );
});

gaps("what is missing is named, at the beginning too", async () => {
  assert.equal(await missingAfter([[1], [2], [5], [6], [10]]), [
    [3, 4, 3],
    [7, 9, 5],
  ]);
  assert.equal(await missingAfter([[4], [5]]), [[1, 3, 1]]);
});

gaps("a store that was wiped begins anew, and what is missing after that is missing too", async () => {
  assert.equal(await missingAfter([[1], [2], [3], [1], [2]]), []);
  assert.equal(await missingAfter([[1], [2], [3], [2], [5]]), [
    [1, 1, 4],
    [3, 4, 5],
  ]);
});

gaps("what may still be on its way is not missing yet", async () => {
  assert.equal(await missingAfter([[1], [5]], 60), []);
});

gaps("an id that is no number of a broker is passed over", async () => {
  await using database = await createDatabase();
  const ids = ["1-10", "x", "99999999999999999999-1", "2-999999999999999999999", "2-20", "4-40"];
  const messages = ids.map((messageId) => messageOf("x", { source: "nats-streaming", messageId }));
  await appendAll(database.pool, messages);
  assert.equal(
    (await gapsOf(database.pool)).map(({ from, to }) => [Number(from), Number(to)]),
    [[3, 3]],
  );
});

gaps("an audit goes on with the numbers where the last one ended", async () => {
  assert.equal(await missingAfterParts([[[1], [2]], [[3]], [], [[4]]]), [[], [], [], []]);
  assert.equal(await missingAfterParts([[[1], [2]], [[5]], [[6]]]), [[], [[3, 4, 3]], [[3, 4, 3]]]);
  assert.equal(
    await missingAfterParts([
      [[1], [2]],
      [[1], [3]],
    ]),
    [[], [[2, 2, 4]]],
  );
});

gaps("what comes after all is missing no more, though an audit has named it", async () => {
  const first: Numbers = [
    [1, 10],
    [6, 60],
  ];
  assert.equal(
    await missingAfterParts([
      first,
      [[3, 30]],
      [[2, 20]],
      [
        [5, 50],
        [4, 40],
        [7, 70],
      ],
    ]),
    [
      [[2, 5, 2]],
      [
        [2, 2, 2],
        [4, 5, 2],
      ],
      [[4, 5, 2]],
      [],
    ],
  );
});

gaps("a number of another store fills no gap", async () => {
  const wiped: Numbers = [
    [1, 10],
    [4, 40],
  ];
  assert.equal(
    await missingAfterParts([
      wiped,
      [
        [1, 50],
        [2, 60],
        [3, 70],
      ],
    ]),
    [[[2, 3, 2]], [[2, 3, 2]]],
  );
});

gaps(
  "a broker that threw messages away by its limits is found out, and conservation holds all the same",
  async () => {
    await using started = new AsyncDisposableStack();
    const program = await findBroker(() => {});
    assert.ok(program);
    const folder = join(environment("WAYBILL_TEST_FOLDER"), "limited-broker");
    const broker = await NatsStreaming.create(program, folder, ["-max_msgs", "50"]);
    started.defer(() => broker.stop());
    const database = started.use(await createDatabase());
    const factory = new OrderFactory(1);
    {
      await using transport = await connectToBroker({
        url: broker.url,
        clusterId: "test-cluster",
        channel: "limited",
      });
      for (let index = 0; index < 80; index++) await transport.publish(toPayload(factory.next()));
    }
    const service = await startAsProcess(database.serviceUrl, {
      SOURCES: "nats-streaming",
      NATS_URL: broker.url,
      STAN_CHANNEL: "limited",
    });
    started.defer(() => service.child.end("SIGTERM"));
    await until("the rest is here", async () => (await auditOf(service.url)).projected === 50);
    const { holds } = await auditOf(service.url);
    const found = await gapsOf(database.pool);
    assert.equal(
      [holds, found.map(({ channel, from, to }) => [channel, Number(from), Number(to)])],
      [true, [["limited", 1, 30]]],
    );
  },
);

gaps.run();
