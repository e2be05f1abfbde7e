/** Rebuilds of a domain with several tables, mutable rows, and foreign keys. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { audit } from "../../src/audit/audit.ts";
import { type AnyDomain, type Outcome, PROJECTED } from "../../src/contract/domain.ts";
import { Database } from "../../src/database/database.ts";
import { orders } from "../../src/domains/orders/index.ts";
import { describeTables } from "../../src/rebuild/catalogue-table.ts";
import { differs, type RebuildOptions, rebuild } from "../../src/rebuild/rebuild.ts";
import { lockLive } from "../../src/rebuild/shadow-table.ts";
import { createLogger } from "../../src/telemetry/logger.ts";
import { createDatabase, type TestDatabase } from "../support/database.ts";
import { ANN, openDesk } from "../support/desk.ts";
import { appendAll, projectAll, projectOne } from "../support/engine.ts";
import { errorOf } from "../support/error.ts";
import { ledger } from "../support/ledger/index.ts";
import { ledgerMessages } from "../support/ledger/messages.ts";
import { messageOf } from "../support/messages.ts";
import { until } from "../support/wait.ts";

const rebuilding = suite("rebuild of tables");

function run(database: TestDatabase, domain: AnyDomain, change: Partial<RebuildOptions> = {}) {
  return rebuild({
    ownerUrl: database.ownerUrl,
    domain,
    isDryRun: false,
    logger: createLogger("silent"),
    signal: new AbortController().signal,
    onProgress: () => {},
    ...change,
  });
}

/** The rows of a domain's tables and of the outbox. */
async function tablesOf(database: TestDatabase, { tables }: AnyDomain) {
  const found: Record<string, unknown[]> = {};
  for (const name of [...tables.map((table) => table.name), "outbox"]) {
    found[name] = (await database.admin(`select t::text from ${name} as t order by 1`)).rows;
  }
  return found;
}

async function ledgerWith(count: number): Promise<TestDatabase> {
  const database = await createDatabase(undefined, [ledger]);
  await appendAll(database, ledgerMessages(count, 5), ledger);
  await projectAll(database, ledger);
  return database;
}

rebuilding(
  "a balance that was changed by hand is found, named by the domain's check, and repaired",
  async () => {
    await using database = await ledgerWith(400);
    const before = await tablesOf(database, ledger);
    await database.admin("update ledger_accounts set balance = balance + 1 where account = 'a'");
    const spoilt = await tablesOf(database, ledger);
    const { holds, domains } = await audit(database, [ledger]);
    assert.not(holds);
    assert.is(domains.ledger?.broken, 0n, "conservation itself holds");
    assert.is(domains.ledger?.checks.get("balance_is_sum_of_entries")?.broken, 1n);
    const dry = await run(database, ledger, { isDryRun: true });
    assert.ok(differs(dry));
    assert.equal(dry.changes, []);
    const [entries, accounts] = dry.tables;
    assert.equal(entries, { table: "ledger_entries", added: 0n, removed: 0n, changed: 0n, samples: [] });
    assert.equal(accounts, { table: "ledger_accounts", added: 0n, removed: 0n, changed: 1n, samples: [] });
    assert.equal(await tablesOf(database, ledger), spoilt, "a dry run changes nothing");
    const report = await run(database, ledger);
    assert.equal(report.tables, dry.tables);
    assert.equal(await tablesOf(database, ledger), before);
    assert.ok((await audit(database, [ledger])).holds);
    assert.not(differs(await run(database, ledger)));
  },
);

rebuilding("rows that are missing, and rows that should not be there, are found in every table", async () => {
  await using database = await ledgerWith(400);
  const before = await tablesOf(database, ledger);
  await database.admin(`
    delete from ledger_accounts where account in ('a', 'b');
    insert into ledger_accounts values ('nobody', 7);
    insert into ledger_entries values ('forged', 9000000, 'a', 1, 0, false);
    delete from ledger_entries where position in (select position from ledger_entries order by position limit 3);
    update ledger_entries set amount = amount + 1 where position = (select max(position) - 1 from ledger_entries where position < 9000000)`);
  const { rows } = await database.query<{ position: bigint }>(
    "select position from inbox where domain = 'ledger' order by position",
  );
  const report = await run(database, ledger);
  const [entries, accounts] = report.tables;
  assert.equal([accounts?.added, accounts?.removed, accounts?.changed], [2n, 1n, 0n]);
  assert.equal([entries?.added, entries?.removed], [3n, 1n]);
  assert.is(entries?.samples[0], rows[0]?.position);
  assert.equal(await tablesOf(database, ledger), before);
  assert.ok((await audit(database, [ledger], { isFull: true })).holds);
});

rebuilding("a rebuild writes no event, and takes none from the messages that are pending", async () => {
  await using database = await ledgerWith(100);
  const before = await tablesOf(database, ledger);
  assert.ok((before.outbox?.length ?? 0) > 10);
  await appendAll(database, ledgerMessages(50, 6), ledger);
  await database.admin("update ledger_accounts set balance = balance + 1");
  await run(database, ledger, { isDryRun: true });
  const { upTo } = await run(database, ledger);
  assert.equal(
    await tablesOf(database, ledger),
    before,
    "the rebuilt projection ends at the live checkpoint",
  );
  const { rows } = await database.query("select position from checkpoints where domain = 'ledger'");
  assert.is(rows[0].position, upTo);
  await projectAll(database, ledger);
  const after = await tablesOf(database, ledger);
  assert.ok((after.outbox?.length ?? 0) > (before.outbox?.length ?? 0));
  assert.ok((await audit(database, [ledger])).holds);
});

rebuilding("while the live projection works, balances are compared at one position", async () => {
  await using database = await ledgerWith(3_000);
  let isDone = false;
  const working = (async () => {
    for (let seed = 100; !isDone; seed++) {
      await appendAll(database, ledgerMessages(20, seed), ledger);
      await projectOne(database, ledger);
    }
  })();
  try {
    for (let round = 0; round < 3; round++) {
      assert.not(differs(await run(database, ledger, { isDryRun: true })));
      assert.not(differs(await run(database, ledger)));
    }
    // The live projection carries the mistake forward into later balances until the rebuild repairs it, because it
    // updates balances that it read.
    await database.admin(`
      select position from checkpoints where domain = 'ledger' for update;
      update ledger_accounts set balance = balance + 1000 where account = 'a'`);
    assert.ok(differs(await run(database, ledger)));
  } finally {
    isDone = true;
    await working;
  }
  await projectAll(database, ledger);
  assert.not(differs(await run(database, ledger, { isDryRun: true })));
  assert.ok((await audit(database, [ledger], { isFull: true })).holds);
});

rebuilding("only what can change waits for the lock", async () => {
  await using database = await createDatabase(undefined, [ledger]);
  await using owner = new Database(database.ownerUrl, { connectionsMax: 1, logger: createLogger("silent") });
  const isInsertOnly = async (domain: AnyDomain) =>
    (await describeTables(owner, domain)).map((table) => [table.name, table.isInsertOnly]);
  assert.equal(await isInsertOnly(ledger), [
    ["ledger_entries", true],
    ["ledger_accounts", false],
    ["duplicates", true],
    ["dead_letters", true],
  ]);
  assert.equal((await isInsertOnly(orders))[0], ["orders", true]);
  await database.admin("grant update (customer_id) on orders to waybill");
  assert.equal((await isInsertOnly(orders))[0], ["orders", false]);
});

rebuilding("while a domain is taken over, the others continue, and its operators wait", async () => {
  await using database = await createDatabase(undefined, [ledger]);
  await using owner = new Database(database.ownerUrl, { connectionsMax: 1, logger: createLogger("silent") });
  await using context = await openDesk(database);
  const { receipts } = await appendAll(database, [messageOf("{", { channel: "ledger" })], ledger);
  await projectAll(database, ledger);
  const position = receipts[0]?.position as bigint;
  let discarding: Promise<unknown> | undefined;
  await owner.transaction(async (transaction) => {
    await lockLive(transaction, "ledger");
    const [other] = await context.receive("{");
    await context.desk.discard(other as bigint, ANN);
    discarding = context.desk.discard(position, ANN);
    await until("the operator of the ledger waits", async () => {
      const { rows } = await database.query(
        "select from pg_stat_activity where datname = current_database() and wait_event = 'advisory'",
      );
      return rows.length === 1;
    });
  });
  await discarding;
  const { rows } = await database.query("select state from dead_letters order by position");
  assert.equal(
    rows.map(({ state }) => state),
    ["discarded", "discarded"],
  );
});

rebuilding("tables that refer to each other are replaced in an order that the database accepts", async () => {
  await using database = await createDatabase();
  await database.admin(`
    create table teams (name text primary key, members bigint not null);
    create table members (position bigint primary key, team text not null references teams (name));
    alter table teams owner to waybill_owner; alter table members owner to waybill_owner;
    grant select, insert, update on teams to waybill; grant select, insert on members to waybill`);
  await appendAll(
    database,
    ["red", "red", "blue", "green", "nobody's"].map((team) => messageOf(team)),
    TEAMS,
  );
  await projectAll(database, TEAMS);
  const before = await tablesOf(database, TEAMS);
  assert.is(before.members?.length, 4, "the database refuses a member of a team that is not there");
  await database.admin(`
    update teams set members = 7 where name = 'red';
    delete from members where team = 'blue'; delete from teams where name = 'blue';
    insert into teams values ('grey', 1); insert into members values (100, 'grey');
    update members set team = 'red' where team = 'green'`);
  const report = await run(database, TEAMS);
  const counts = report.tables.map(({ table, added, removed, changed }) => [table, added, removed, changed]);
  assert.equal(counts.sort(), [
    ["members", 1n, 1n, 1n],
    ["teams", 1n, 1n, 1n],
  ]);
  assert.equal(await tablesOf(database, TEAMS), before);
  assert.not(differs(await run(database, TEAMS)));
});

rebuilding("a table that does not exist, or lacks its key, is named", async () => {
  await using database = await createDatabase();
  assert.match(
    (await errorOf(run(database, ledger))).message,
    "ledger_entries of the domain ledger does not exist",
  );
  const domain: AnyDomain = { ...orders, tables: [{ name: "orders", key: ["id"] }] };
  assert.match((await errorOf(run(database, domain))).message, "orders of the domain orders lacks id");
});

/** The first table, which the audit joins, refers to the second. */
const TEAMS: AnyDomain = {
  ...orders,
  name: "teams",
  tables: [
    { name: "members", key: ["position"] },
    { name: "teams", key: ["name"] },
  ],
  createProjection: () => ({
    project: async (batch, transaction) => {
      const outcomes: Outcome[] = [];
      for (const { payload, position } of batch) {
        const team = payload.toString();
        if (team !== "nobody's") {
          await transaction.query(
            "insert into teams values ($1, 1) on conflict (name) do update set members = teams.members + 1",
            [team],
          );
        }
        await transaction.query("insert into members values ($1, $2)", [String(position), team]);
        outcomes.push(PROJECTED);
      }
      return { outcomes };
    },
  }),
};

rebuilding.run();
