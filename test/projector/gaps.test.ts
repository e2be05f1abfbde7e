/** Messages that the broker lost before anybody saw them. */
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { auditDomain } from "../../src/projector/audit-table.ts";
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

/** Appends messages with the given numbers, a millisecond apart, and gives what the audit finds missing. */
async function missingAfter(numbers: readonly (readonly [number: number, time?: number])[], settled = 0) {
  await using database = await createDatabase();
  await appendAll(
    database.pool,
    numbers.map(([number, time], index) =>
      messageOf("x", { source: "nats-streaming", messageId: `${number}-${time ?? 1_000 + index}` }),
    ),
  );
  const found = await auditDomain(database.pool, "orders", "orders", settled);
  return found.gaps.map(({ from, to, before }) => [Number(from), Number(to), Number(before)]);
}

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
    const found = await auditDomain(database.pool, "orders", "orders", 0);
    assert.equal(
      [holds, found.gaps.map(({ channel, from, to }) => [channel, Number(from), Number(to)])],
      [true, [["limited", 1, 30]]],
    );
  },
);

gaps.run();
