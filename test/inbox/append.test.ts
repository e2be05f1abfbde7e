import pg from "pg";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { DatabaseError } from "../../src/database/database-error.ts";
import { Jobs } from "../../src/database/jobs.ts";
import { append } from "../../src/inbox/append.ts";
import { Wakeups } from "../../src/projector/wakeups.ts";
import { createLogger } from "../../src/telemetry/logger.ts";
import { createDatabase } from "../support/database.ts";
import { appendAll } from "../support/engine.ts";
import { messageOf } from "../support/messages.ts";

const database = await createDatabase();
const { admin } = database;
const rows = async (text: string) => (await admin(text)).rows;

test("invariant 1: a row and the job that will process it are committed together", async () => {
  const jobs = new Jobs(database, createLogger("silent"));
  await jobs.start();
  const wakeups = new Wakeups(jobs);
  const { receipts } = await append(database, "orders", [messageOf("a")], (...wakeup) =>
    wakeups.enqueue(...wakeup),
  );
  const enqueued = await rows("select data from pgboss.job where name = 'project-orders'");
  assert.equal(enqueued, [{ data: { upTo: String(receipts[0]?.position) } }]);
  await jobs.stop();
});

test("invariant 1: where the job cannot be enqueued there is no row either", async () => {
  const before = await rows("select count(*) from inbox");
  const failing = append(database, "orders", [messageOf("b")], async () => {
    throw new Error("no job");
  });
  await failing.then(
    () => assert.unreachable(),
    (error: Error) => assert.is(error.message, "no job"),
  );
  assert.equal(await rows("select count(*) from inbox"), before);
});

for (const role of ["owner", "service"] as const) {
  test(`invariant 2: the database refuses the ${role} to change or remove what is in the inbox`, async () => {
    await appendAll(database, [messageOf("kept")]);
    const client = new pg.Client({
      connectionString: role === "owner" ? database.ownerUrl : database.serviceUrl,
    });
    await client.connect();
    for (const statement of [
      "update inbox set payload = ''",
      "delete from inbox",
      "truncate inbox",
      "truncate inbox cascade",
    ]) {
      // A trigger stops the owner, the lack of a privilege stops the service.
      const expected = role === "owner" ? "23001" : "42501";
      await client.query(statement).then(
        () => assert.unreachable(`${statement} went through`),
        (error: pg.DatabaseError) => assert.is(error.code, expected, statement),
      );
    }
    await client.end();
    assert.ok(Number((await rows("select count(*) from inbox"))[0].count) > 0);
  });
}

test("the trigger alone stops the service too, if an operator grants it too much", async () => {
  await admin("grant update, delete, truncate on inbox to waybill");
  for (const statement of ["update inbox set payload = ''", "delete from inbox", "truncate inbox"]) {
    await database.query(statement).then(
      () => assert.unreachable(`${statement} went through`),
      (error: DatabaseError) => assert.is(error.sqlState, "23001", statement),
    );
  }
  await admin("revoke update, delete, truncate on inbox from waybill");
});

test("invariant 3: a redelivered message keeps its first position", async () => {
  const first = messageOf("one");
  const second = messageOf("two");
  const { receipts } = await appendAll(database, [first]);
  const again = await appendAll(database, [second, first]);
  assert.is(again.receipts[1]?.position, receipts[0]?.position);
  assert.equal(
    again.receipts.map(({ isNew }) => isNew),
    [true, false],
  );
  const onlyOld = await appendAll(database, [first, second]);
  assert.equal(
    onlyOld.receipts.map(({ isNew }) => isNew),
    [false, false],
  );
  assert.is(onlyOld.upTo, undefined);
});

test("invariant 3: the same id from another channel or source is another message", async () => {
  const base = messageOf("x");
  const others = [base, { ...base, channel: "other" }, { ...base, source: "other" }];
  const { receipts } = await appendAll(database, others);
  assert.is(new Set(receipts.map(({ position }) => position)).size, 3);
});

test("positions are those of the messages, also where other domains append at the same time", async () => {
  const batches = Array.from({ length: 40 }, (_none, index) => {
    const messages = Array.from({ length: 25 }, (_inner, place) => messageOf(`${index}/${place}`));
    return { messages, domain: index % 2 === 0 ? "orders" : "wallet" };
  });
  const appended = await Promise.all(
    batches.map(({ messages, domain }) => append(database, domain, messages, async () => {})),
  );
  for (const [index, { receipts }] of appended.entries()) {
    for (const [place, { position }] of receipts.entries()) {
      const [row] = await rows(
        `select domain, convert_from(payload, 'UTF8') as text from inbox where position = ${position}`,
      );
      assert.equal(row, { domain: batches[index]?.domain, text: `${index}/${place}` });
    }
  }
});

test("invariant 4: a reader that sees a position has seen every lower one of the domain", async () => {
  let isDone = false;
  const seen: bigint[] = [];
  const read = async () => {
    let highest = 0n;
    while (!isDone) {
      const { rows: page } = await database.query<{ position: bigint }>(
        "select position from inbox where domain = 'ordered' and position > $1 order by position",
        [String(highest)],
      );
      for (const { position } of page) seen.push(position);
      highest = seen.at(-1) ?? 0n;
    }
  };
  const reading = read();
  const appendMany = async () => {
    for (let batch = 0; batch < 60; batch++) {
      await append(database, "ordered", [messageOf("x"), messageOf("y")], async (transaction) => {
        // Lets transactions overlap: each takes its position long before the commit.
        await transaction.query("select pg_sleep(0.001)");
      });
    }
  };
  await Promise.all(Array.from({ length: 6 }, appendMany));
  isDone = true;
  await reading;
  const { rows: all } = await database.query<{ position: bigint }>(
    "select position from inbox where domain = 'ordered' and position <= $1 order by position",
    [String(seen.at(-1))],
  );
  assert.is(all.length > 300, true);
  assert.equal(
    seen,
    all.map(({ position }) => position),
    "the reader has missed positions",
  );
});

test("any bytes are stored unchanged", async () => {
  const payloads = [
    Buffer.alloc(0),
    Buffer.from([0, 0xff, 0x80, 0xfe]),
    Buffer.from("\0\u{1f600}"),
    Buffer.alloc(300_000, 7),
  ];
  const copied = await appendAll(
    database,
    payloads.map((payload) => messageOf(payload)),
  );
  const repeated = messageOf("again");
  await appendAll(database, [repeated]);
  const inserted = await appendAll(database, [repeated, ...payloads.map((payload) => messageOf(payload))]);
  for (const receipts of [copied.receipts, inserted.receipts.slice(1)]) {
    for (const [index, { position }] of receipts.entries()) {
      const [row] = await rows(`select payload from inbox where position = ${position}`);
      assert.ok((row.payload as Buffer).equals(payloads[index] as Buffer));
    }
  }
});

test.after(async () => database[Symbol.asyncDispose]());
test("headers are kept, on the quick way in and on the one for a batch that holds something already", async () => {
  const kept = { headers: [["traceparent", "a'b\\\"é"]], key: { base64: "/w==" }, payload: null };
  const known = messageOf("known", { headers: JSON.stringify(kept) });
  await appendAll(database, [known, messageOf("without any")]);
  await appendAll(database, [known, messageOf("behind a known one", { headers: JSON.stringify(kept) })]);
  const found = await rows(
    "select convert_from(payload, 'UTF8') as text, headers from inbox order by position desc limit 3",
  );
  assert.equal(
    found.map(({ text, headers }) => [text, headers]),
    [
      ["behind a known one", kept],
      ["without any", null],
      ["known", kept],
    ],
  );
});

test.run();
