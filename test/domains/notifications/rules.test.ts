/** The rules of notifications: given earlier events, when one comes, then this is written. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { audit } from "../../../src/audit/audit.ts";
import type { Message } from "../../../src/contract/message.ts";
import { notifications } from "../../../src/domains/notifications/index.ts";
import { createDatabase, type TestDatabase } from "../../support/database.ts";
import { appendAll, projectAll, projectOne } from "../../support/engine.ts";
import { eventMessage } from "../../support/notifications/messages.ts";

const rules = suite("notifications");

/** The nth change of an order, as loms sends it. */
function change(order: number, sequence: number, more: Record<string, string> = {}): Message {
  const {
    status = STATUSES[sequence - 1] ?? "payed",
    id = `loms/${order * 10 + sequence}/0`,
    ...rest
  } = more;
  const moment = new Date(Date.UTC(2026, 0, 1, 12, sequence)).toISOString();
  return eventMessage(
    { order_id: String(order), user: "31337", status, moment, ...rest },
    { "message-id": id, "content-type": "application/json", sequence: String(sequence) },
  );
}

const STATUSES = ["new", "awaiting payment", "payed"];

rules("each change is written once, in the order in which they come", async () => {
  await using database = await createDatabase();
  await take(database, [change(1, 1), change(2, 1), change(1, 2)], [change(1, 3), change(2, 2)]);
  assert.equal(await changesOf(database), [
    "1 new 1 in_order",
    "2 new 1 in_order",
    "1 awaiting payment 2 in_order",
    "1 payed 3 in_order",
    "2 awaiting payment 2 in_order",
  ]);
  await assertOutcomes(database, { projected: 5n });
});

rules("a copy is a duplicate of the first one, in one batch and across batches", async () => {
  await using database = await createDatabase();
  await take(database, [change(1, 1), change(1, 1), change(1, 2)], [change(1, 2), change(1, 1)]);
  assert.equal(await changesOf(database), ["1 new 1 in_order", "1 awaiting payment 2 in_order"]);
  const { rows } = await database.query(
    `select (duplicates.original_position - first.position)::int as distance
     from duplicates, (select min(position) as position from inbox) as first order by duplicates.position`,
  );
  assert.equal(
    rows.map(({ distance }) => distance),
    [0, 2, 0],
  );
  await assertOutcomes(database, { projected: 2n, duplicate: 3n });
});

rules("a copy in the same batch costs the batch no second attempt", async () => {
  await using database = await createDatabase();
  const batch = [change(1, 1), change(1, 1)].map(({ messageId, payload, headers }, index) => ({
    position: BigInt(index + 1),
    messageId,
    payload,
    headersJson: headers,
    receivedAtMs: 0,
    publishedAtMs: undefined,
  }));
  const projected = await database.attempt((transaction) =>
    notifications.createProjection().project(batch, transaction),
  );
  assert.equal(projected.outcomes, [{ kind: "projected" }, { kind: "duplicate", originalPosition: 1n }]);
});

rules("an identity that stands for another event is a conflict", async () => {
  await using database = await createDatabase();
  const others = [
    { user: "1" },
    { status: "failed" },
    { moment: "2026-01-01T12:01:00.001Z" },
    { order_id: "2" },
  ];
  await take(
    database,
    [change(1, 1), ...others.map((other) => change(1, 1, other))],
    [
      ...others.map((other) => change(1, 1, other)),
      change(1, 2, { id: "loms/11/0", status: "new", moment: "2026-01-01T12:01:00.000Z" }),
    ],
  );
  assert.equal(await changesOf(database), ["1 new 1 in_order"]);
  assert.equal(await lettersOf(database), Array(9).fill("conflict /headers/message-id"));
});

rules("members that are not known change nothing", async () => {
  await using database = await createDatabase();
  await take(database, [change(1, 1), change(1, 1, { coupon: "x" }), change(1, 2, { coupon: "x" })]);
  await assertOutcomes(database, { projected: 2n, duplicate: 1n });
});

rules("a change after a gap is written and counted; what comes late, too", async () => {
  await using database = await createDatabase();
  await take(database, [change(1, 1), change(1, 3)], [change(1, 2), change(2, 2), change(1, 4)]);
  assert.equal(await changesOf(database), [
    "1 new 1 in_order",
    "1 payed 3 gap",
    "1 awaiting payment 2 out_of_order",
    "2 awaiting payment 2 gap",
    "1 payed 4 in_order",
  ]);
  // The same sequence under another identity: as after loms was set back to an earlier moment.
  await take(database, [change(1, 4, { id: "loms/99/1" })]);
  assert.is((await changesOf(database)).at(-1), "1 payed 4 out_of_order");
  await assertOutcomes(database, { projected: 6n });
});

rules("what is no event is a dead letter that names what is wrong", async () => {
  const event = { order_id: "1", user: "31337", status: "new", moment: "2026-01-01T12:00:00.000Z" };
  const good = { "message-id": "loms/1/0", sequence: "1" };
  const wrong: readonly Wrong[] = [
    [event, {}, "schema /headers/message-id,/headers/sequence"],
    [event, { "message-id": "loms/1/0" }, "schema /headers/sequence"],
    [event, { sequence: "1" }, "schema /headers/message-id"],
    [event, { ...good, "message-id": "loms/1" }, "schema /headers/message-id"],
    [event, { ...good, "message-id": "loms/0/0" }, "schema /headers/message-id"],
    ...["0", "-1", "1.5", "", "1e3", "1000000000"].map(
      (sequence) => [event, { ...good, sequence }, "schema /headers/sequence"] as Wrong,
    ),
    [{ ...event, user: undefined }, good, "schema /user"],
    [{ ...event, user: "9223372036854775808" }, good, "schema /user"],
    [{ ...event, order_id: 1 }, good, "schema /order_id"],
    [{ ...event, status: "canceled" }, good, "schema /status"],
    [{ ...event, moment: "2026-01-01" }, good, "schema /moment"],
    [[], good, "schema "],
  ];
  await using database = await createDatabase();
  await take(
    database,
    wrong.map(([document, headers]) => eventMessage(document, headers)),
  );
  assert.equal(
    await lettersOf(database),
    wrong.map(([, , letter]) => letter),
  );
  const { rows } = await database.query("select errors::text from dead_letters");
  assert.not.match(JSON.stringify(rows), "31337");
});

rules("the audit finds a change that no event made so, and a gap that is not counted", async () => {
  const changes = [
    ["changes_equal_events", "update notifications_changes set status = 'failed' where sequence = 2"],
    ["changes_equal_events", "update notifications_changes set user_id = 1 where sequence = 2"],
    [
      "changes_equal_events",
      "update notifications_changes set order_id = 7, arrival = 'gap' where sequence = 4",
    ],
    ["changes_equal_events", "update notifications_changes set moment = moment + interval '1 ms'"],
    ["changes_equal_events", "update notifications_changes set message_id = message_id || '0'"],
    ["changes_equal_events", "update notifications_changes set sequence = 5 where sequence = 4"],
    [
      "sequences_dense_or_counted",
      "update notifications_changes set arrival = 'in_order' where sequence = 4",
    ],
    ["sequences_dense_or_counted", "update notifications_changes set arrival = 'gap' where sequence = 2"],
    ["sequences_dense_or_counted", "delete from notifications_changes where sequence = 1"],
    ["conservation", "delete from notifications_changes where sequence = 4"],
  ] as const;
  await using database = await createDatabase();
  await take(database, [change(1, 1), change(1, 2), change(1, 4)]);
  for (const [check, statement] of changes) {
    assert.ok((await audit(database, [notifications], { isFull: true })).holds);
    await database.admin("create table kept as table notifications_changes");
    await database.admin(statement);
    const { holds, domains } = await audit(database, [notifications], { isFull: true });
    assert.not.ok(holds, statement);
    const { checks } = domains.notifications as NonNullable<typeof domains.notifications>;
    const broken = [...checks].filter(([, { broken }]) => broken > 0n).map(([name]) => name);
    assert.ok(broken.includes(check) || check === "conservation", `${statement}: ${broken.join()}`);
    await database.admin("truncate notifications_changes");
    await database.admin("insert into notifications_changes select * from kept");
    await database.admin("drop table kept");
  }
});

rules.run();

type Wrong = [event: object, headers: Record<string, string>, letter: string];

/** Projects each batch by itself. */
async function take(database: TestDatabase, ...batches: readonly Message[][]): Promise<void> {
  for (const batch of batches) {
    await appendAll(database, batch, notifications);
    await projectOne(database, notifications);
  }
  await projectAll(database, notifications);
}

async function changesOf(database: TestDatabase): Promise<string[]> {
  const { rows } = await database.query(
    `select concat_ws(' ', order_id, status, sequence, arrival) as change from notifications_changes order by position`,
  );
  return rows.map((row) => row.change);
}

async function lettersOf(database: TestDatabase): Promise<string[]> {
  const { rows } = await database.query(
    `select code || ' ' || (select string_agg(error ->> 'path', ',' order by error ->> 'path')
                            from jsonb_array_elements(errors) as error) as letter
     from dead_letters order by position`,
  );
  return rows.map(({ letter }) => letter);
}

async function assertOutcomes(database: TestDatabase, expected: Record<string, bigint>): Promise<void> {
  const report = await audit(database, [notifications], { isFull: true });
  const { projected, duplicate, dead } = report.domains.notifications as NonNullable<
    (typeof report.domains)[string]
  >;
  assert.ok(report.holds);
  assert.equal({ projected, duplicate, dead }, { projected: 0n, duplicate: 0n, dead: 0n, ...expected });
}
