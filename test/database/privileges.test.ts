/** What the service's role may not do. */
import { PgBoss } from "pg-boss";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { install } from "../../src/cli/install.ts";
import type { DatabaseError } from "../../src/database/database-error.ts";
import { DOMAINS } from "../../src/domains/index.ts";
import { createDatabase } from "../support/database.ts";
import { errorOf } from "../support/error.ts";
import { until } from "../support/wait.ts";

const privileges = suite("privileges");

const MESSAGE = "domain, source, channel, message_id, payload";
const VALUES = "'orders', 'test', 'orders', '1', ''";

const REFUSED: Readonly<Record<string, readonly string[]>> = {
  "an inbox row with a position or a time of its own": [
    `insert into inbox (position, ${MESSAGE}) overriding system value values (7, ${VALUES})`,
    `insert into inbox (received_at, ${MESSAGE}) values ('2000-01-01', ${VALUES})`,
    "select setval('inbox_position_seq', 1)",
    "select nextval('inbox_position_seq')",
  ],
  "a change to the inbox": ["update inbox set payload = ''", "delete from inbox", "truncate inbox"],
  "a record with a time of its own": [
    `insert into proofs (audited_at, domain, generation, position, projected, duplicate, dead, broken, is_full,
       numbered_position, numbering, bytes) values ('2000-01-01', 'orders', 0, 0, 0, 0, 0, 0, true, 0, '{}', 0)`,
    "insert into operator_actions (acted_at, action, position, author) values ('2000-01-01', 'reveal', 1, 'Ann')",
    `insert into source_gaps (noticed_at, domain, source, channel, series, first_number, last_number)
       values ('2000-01-01', 'orders', 'kafka', 'orders', '', 1, 1)`,
    `insert into outbox (created_at, domain, position, ordinal, topic, key, payload)
       values ('2000-01-01', 'orders', 1, 0, 'orders', '', '')`,
    `insert into bulk_redrives (created_at, domain, filter, author, reason, failures_max, letters)
       values ('2000-01-01', 'orders', '{}', 'Ann', '', 0, 1)`,
    `insert into bulk_decisions (created_at, action, filter, author, reason, letters)
       values ('2000-01-01', 'discard', '{}', 'Ann', '', 1)`,
  ],
  "a change to what was recorded": [
    "update operator_actions set author = 'Bob'",
    "delete from proofs",
    "update outbox set payload = ''",
    "update bulk_redrives set author = 'Bob'",
    "update bulk_decisions set author = 'Bob'",
    "delete from bulk_decision_letters",
  ],
  "a change to what was projected": [
    "update orders set position = 1",
    "delete from dead_letters",
    "update dead_letters set code = 'schema'",
    "update checkpoints set generation = 9",
    "delete from checkpoints",
  ],
  "what keeps pg-boss from starting": [
    "delete from pgboss.version",
    "update pgboss.version set version = 1",
    "insert into pgboss.version (version) values (1)",
    "delete from pgboss.queue",
  ],
  "tables of its own, or a change to the schema": [
    "create table public.mine ()",
    "create table pgboss.mine ()",
    "create temporary table mine ()",
    "create schema mine",
    "alter table pgboss.job add x int",
    "drop table orders",
    "alter table inbox disable trigger inbox_append_only",
  ],
};

for (const [what, statements] of Object.entries(REFUSED)) {
  privileges(`refused: ${what}`, async () => {
    await using database = await createDatabase();
    // Cloning does not copy the privileges of a whole database.
    await install(database.ownerUrl, database.serviceUrl, DOMAINS);
    for (const statement of statements) {
      const error = (await errorOf(database.query(statement))) as DatabaseError;
      assert.is(error.sqlState, "42501", `${statement}: ${error.message}`);
    }
  });
}

privileges("what an earlier version granted and this one does not is revoked", async () => {
  await using database = await createDatabase();
  await database.admin("grant all on inbox, proofs, orders to waybill");
  await install(database.ownerUrl, database.serviceUrl, DOMAINS);
  for (const statement of ["delete from inbox", "delete from proofs", "delete from orders"]) {
    assert.is(((await errorOf(database.query(statement))) as DatabaseError).sqlState, "42501", statement);
  }
});

privileges("pg-boss can keep its tables in order", async () => {
  await using database = await createDatabase();
  const errors: Error[] = [];
  const boss = new PgBoss({
    db: { executeSql: (text, values) => database.query(text, values) },
    migrate: false,
    createSchema: false,
    schedule: false,
    maintenanceIntervalSeconds: 1,
    monitorIntervalSeconds: 1,
    superviseIntervalSeconds: 1,
  });
  boss.on("error", (error) => errors.push(error));
  await boss.start();
  await until("it has counted and cleaned up its queues", async () => {
    assert.equal(errors, []);
    const { rows } = await database.query(
      "select from pgboss.queue having bool_and(monitor_on is not null and maintain_on is not null)",
    );
    return rows.length === 1;
  });
  await boss.stop({ close: false, graceful: false });
  assert.equal(errors, []);
});

privileges.run();
