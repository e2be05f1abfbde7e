/** Gaps that redeliveries fill: when a number counts as lost. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { audit } from "../../src/audit/audit.ts";
import { settlingSeconds } from "../../src/audit/sequence-gaps.ts";
import { orders } from "../../src/domains/orders/index.ts";
import { createDatabase, type TestDatabase } from "../support/database.ts";
import { appendAll } from "../support/engine.ts";
import { messageOf } from "../support/messages.ts";
import { startInProcess } from "../support/service.ts";
import { until } from "../support/wait.ts";

const gaps = suite("redelivery");

async function gapsOf(database: TestDatabase, gapSettledSeconds: number, isFull = false) {
  const { domains } = await audit(database, [orders], { gapSettledSeconds, isFull });
  return domains.orders?.gaps ?? [];
}

/** Appends messages with these numbers, received that many seconds ago. */
async function appendBurst(
  database: TestDatabase,
  from: number,
  to: number,
  agoSeconds: number,
): Promise<void> {
  const numbers = Array.from({ length: to - from + 1 }, (_, index) => from + index);
  const messages = numbers.map((number) =>
    messageOf("x", { source: "nats-streaming", messageId: `${number}-${number * 10}` }),
  );
  const { receipts } = await appendAll(database, messages);
  const first = receipts[0]?.position;
  await database.admin("alter table inbox disable trigger user");
  await database.admin(
    "update inbox set received_at = now() - make_interval(secs => $2) where position >= $1",
    [first, agoSeconds],
  );
  await database.admin("alter table inbox enable trigger user");
}

gaps("a burst that was refused for a full buffer and redelivered out of order is not lost", async () => {
  await using database = await createDatabase();
  const found = async () => {
    const incremental = await gapsOf(database, 120);
    assert.equal(await gapsOf(database, 120, true), incremental, "an audit of everything finds the same");
    return incremental.map(({ from, to }) => [Number(from), Number(to)]);
  };
  // The buffer was full from 101 to 2,900; the broker delivered the rest of the burst before it redelivered them.
  await appendBurst(database, 1, 100, 300);
  await appendBurst(database, 2_901, 3_000, 300);
  assert.equal(await found(), [[101, 2_900]], "nothing has been redelivered within the settling time");
  await appendBurst(database, 101, 1_000, 60);
  assert.equal(await found(), [], "the redelivery is under way");
  await appendBurst(database, 1_201, 2_900, 30);
  assert.equal(await found(), []);
  await appendBurst(database, 1_001, 1_200, 0);
  assert.equal(await found(), [], "every message is stored, the last of them a moment ago");
});

gaps("after a start, an outage or a refusal no new gap counts, however old it is", async () => {
  await using database = await createDatabase();
  await appendBurst(database, 1, 100, 300);
  await appendBurst(database, 201, 300, 300);
  // Started while its broker is unavailable; it redelivers the refused messages later.
  const environment = { SOURCES: "nats-streaming", NATS_URL: "nats://127.0.0.1:9" };
  {
    await using service = await startInProcess(database, environment, [orders], { isAwaited: false });
    const asked = await until("it audits", async () => {
      const response = await fetch(`${service.url}/audit?full=true`);
      return response.ok && ((await response.json()) as { domains: { orders: { gaps: object[] } } });
    });
    assert.equal(asked.domains.orders.gaps, []);
  }
  const found = async (calmSeconds: number) => {
    const { domains } = await audit(database, [orders], { calmSecondsOf: () => calmSeconds });
    return domains.orders?.gaps.map(({ from, to }) => [Number(from), Number(to)]);
  };
  assert.equal(await found(60), []);
  assert.equal(await found(600), [[101, 200]]);
  assert.equal(await found(0), [[101, 200]], "what an earlier audit found stays lost");
});

gaps("a gap is waited for as long as a few redeliveries take", () => {
  assert.is(settlingSeconds([30, 1]), 120);
  assert.is(settlingSeconds([30, 600]), 2_400);
});

gaps("a number that a redelivery leaves out counts when the redelivery has settled", async () => {
  await using database = await createDatabase();
  await appendBurst(database, 1, 10, 300);
  await appendBurst(database, 21, 30, 300);
  await appendBurst(database, 11, 14, 20);
  assert.equal(await gapsOf(database, 120), []);
  await database.admin("alter table inbox disable trigger user");
  await database.admin("update inbox set received_at = received_at - interval '200 seconds'");
  await database.admin("alter table inbox enable trigger user");
  for (const isFull of [false, true]) {
    const found = await gapsOf(database, 120, isFull);
    assert.equal(
      found.map(({ from, to, before }) => [Number(from), Number(to), Number(before)]),
      [[15, 20, 11]],
    );
  }
});

gaps.run();
