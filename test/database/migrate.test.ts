import { readdirSync, readFileSync } from "node:fs";
import { runner } from "node-pg-migrate";
import pg from "pg";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { install } from "../../src/cli/install.ts";
import { conflict, type Problem } from "../../src/contract/rejection.ts";
import { Database } from "../../src/database/database.ts";
import type { DatabaseError } from "../../src/database/database-error.ts";
import { type MigratedDomain, missingMigrations } from "../../src/database/migrate.ts";
import { lockMigrations } from "../../src/database/migration-lock.ts";
import { waitForSchema } from "../../src/database/wait.ts";
import { DOMAINS } from "../../src/domains/index.ts";
import { orders } from "../../src/domains/orders/index.ts";
import { parseOrder } from "../../src/domains/orders/schema.ts";
import { fingerprintOf, foldIndexes, foldPath } from "../../src/projector/fingerprint.ts";
import { createLogger } from "../../src/telemetry/logger.ts";
import { OrderFactory } from "../../tools/domains/orders/factory.ts";
import { ordersKit } from "../../tools/domains/orders/index.ts";
import { makeGarbage } from "../../tools/publisher/garbage.ts";
import { withClient } from "../../tools/stack/postgres.ts";
import { dumpSchema } from "../../tools/stack/schema-dump.ts";
import { runScript } from "../support/command.ts";
import { createDatabase, type TestDatabase } from "../support/database.ts";
import { projectAll } from "../support/engine.ts";
import { errorOf } from "../support/error.ts";
import { ledger } from "../support/ledger/index.ts";
import { startInProcess } from "../support/service.ts";
import { until } from "../support/wait.ts";

const migrations = suite("migrate");
/** The same in every version. */
const MIGRATION_LOCK = 0x77617962696c6cn;
/** The engine's migrations. */
const MIGRATIONS = readdirSync("migrations").filter((name) => /^\d{4}_/.test(name)).length;

const run = ({ ownerUrl, serviceUrl }: TestDatabase, domains: readonly MigratedDomain[] = DOMAINS) =>
  install(ownerUrl, serviceUrl, domains);

/** The first migrations, as an older version applied them. */
async function runOnly({ ownerUrl }: TestDatabase, count: number): Promise<void> {
  await withClient(ownerUrl, (client) =>
    runner({
      dbClient: client,
      dir: "migrations",
      ignorePattern: String.raw`(?!\d{4}_).*`,
      direction: "up",
      migrationsTable: "migrations",
      count,
      log: () => {},
    }),
  );
}

migrations(
  "twenty at once on an empty database, processes among them: each migration is applied once, and all succeed",
  async () => {
    await using database = await createDatabase("template0");
    const environment = { DATABASE_URL: database.serviceUrl, MIGRATION_DATABASE_URL: database.ownerUrl };
    const byProcess = async () => {
      const { status, stdout, output } = await runScript("src/cli/main.ts", ["migrate", "--json"], {
        environment,
      });
      assert.is(status, 0, output);
      return (JSON.parse(stdout) as { applied: string[] }).applied;
    };
    const all: Promise<string[]>[] = [];
    await withClient(database.ownerUrl, async (earlier) => {
      // All processes wait for this lock, so that they continue at the same moment.
      await earlier.query("select pg_advisory_lock($1)", [MIGRATION_LOCK]);
      for (let count = 0; count < 20; count++) all.push(count < 5 ? byProcess() : run(database, [orders]));
      await until("all are there", async () => {
        const { rows } = await database.admin(
          "select count(*)::int from pg_stat_activity where datname = $1 and usename = 'waybill_owner'",
          [database.name],
        );
        return rows[0].count > all.length;
      });
    });
    const outputs = await Promise.all(all);
    const names = readdirSync("migrations")
      .filter((name) => /^\d{4}_/.test(name))
      .map((name) => name.replace(".sql", ""));
    assert.equal(outputs.flat().sort(), names.sort());
    assert.equal(await missingMigrations(database, [orders]), []);
  },
);

migrations("migrating again changes nothing", async () => {
  await using database = await createDatabase();
  assert.equal(await run(database), []);
});

migrations("the schema is the committed one (npm run schema writes it)", async () => {
  await using database = await createDatabase();
  const client = new pg.Client({ connectionString: database.adminUrl });
  await client.connect();
  const schema = await dumpSchema(client as never);
  await client.end();
  assert.is(schema, readFileSync("migrations/schema.txt", "utf8"));
});

migrations("a migration that fails leaves nothing behind", async () => {
  await using database = await createDatabase("template0");
  // Makes the third migration fail.
  await database.admin("create table orders (x int)");
  await run(database).then(
    () => assert.unreachable(),
    (error: Error) => assert.match(error.message, "orders"),
  );
  const { rows } = await database.admin(
    "select to_regclass('inbox') as inbox, (select count(*)::int from migrations) as done",
  );
  assert.equal(rows, [{ inbox: null, done: 0 }]);
  await database.admin("drop table orders");
  assert.is((await run(database, [orders])).length, MIGRATIONS);
});

migrations(
  "conflicts and redrives that are there already name their positions and their domain",
  async () => {
    await using database = await createDatabase("template0");
    await runOnly(database, 10);
    const problem = {
      path: "/order_uid",
      rule: "first_write_wins",
      expected: "the content of position 1",
      received: "other content at position 2",
    };
    await database.admin(
      `insert into inbox (domain, source, channel, message_id, payload)
     select 'orders', 'test', 'orders', id::text, 'x' from generate_series(1, 2) as id`,
    );
    await database.admin(
      `insert into dead_letters (position, domain, code, fingerprint, errors, original_position, channel, received_at, paths, state)
     values (2, 'orders', 'conflict', '0123456789abcdef', $1, 1, 'orders', now(), '{/order_uid}', 'redriven')`,
      [JSON.stringify([problem])],
    );
    await database.admin(
      `insert into operator_actions (action, position, fingerprint, state, redrive_position)
     values ('redrive', 2, '0123456789abcdef', 'redriven', 3), ('reveal', 2, null, null, null)`,
    );
    await run(database);
    const { rows: letters } = await database.admin("select errors from dead_letters");
    const [{ path, rule, expected, received }] = conflict("/order_uid", 1n, 2n).problems as [Problem];
    assert.equal(letters, [
      { errors: [{ path, rule, expected, received, positions: { expected: "1", received: "2" } }] },
    ]);
    const { rows: actions } = await database.admin("select action, domain from operator_actions order by id");
    assert.equal(actions, [
      { action: "redrive", domain: "orders" },
      { action: "reveal", domain: null },
    ]);
  },
);

migrations("dead letters that are there already get what a new version knows of them", async () => {
  await using database = await createDatabase("template0");
  await runOnly(database, 3);
  const factory = new OrderFactory(8);
  const known = new Set(orders.paths);
  const letters = Array.from({ length: 60 }, () => makeGarbage(ordersKit, factory)).flatMap(({ payload }) => {
    const rejection = parseOrder(payload);
    if (!("code" in rejection)) return [];
    // Migrations do not know a domain's schema; the next rebuild folds names that a sender made up.
    const isKnown = rejection.problems.every(({ path }) => foldPath(path, known) === foldIndexes(path));
    return isKnown ? [{ payload, rejection }] : [];
  });
  for (const { payload, rejection } of letters) {
    await database.admin(
      `with arrived as (
         insert into inbox (domain, source, channel, message_id, payload)
         values ('orders', 'test', 'orders.' || ($1::int % 2), $1::text, $2) returning position
       )
       insert into dead_letters (position, domain, code, fingerprint, errors)
       select position, 'orders', $3, $4, $5 from arrived`,
      [
        letters.findIndex((letter) => letter.payload === payload),
        payload,
        rejection.code,
        fingerprintOf(rejection, known),
        JSON.stringify(rejection.problems),
      ],
    );
  }
  await run(database);
  const tables = async () => ({
    letters: (await database.admin("select * from dead_letters order by position")).rows,
    groups: (await database.admin("select * from dead_letter_groups order by fingerprint, channel")).rows,
    hours: (await database.admin("select * from dead_letter_hours order by fingerprint, hour")).rows,
  });
  const migrated = await tables();
  assert.is(migrated.letters.length, letters.length);
  // Buries the same letters again with this version.
  await database.admin("truncate dead_letters, dead_letter_groups, dead_letter_hours");
  await projectAll(database, orders);
  assert.equal(await tables(), migrated);
});

migrations("a domain has migrations of its own, whose numbers begin with 1, and privileges", async () => {
  await using database = await createDatabase();
  assert.equal(await missingMigrations(database, [...DOMAINS, ledger]), ["ledger/0001_ledger"]);
  const applied = await Promise.all(Array.from({ length: 20 }, () => run(database, [...DOMAINS, ledger])));
  assert.equal(applied.flat(), ["ledger/0001_ledger"], "of twenty at once one applies it");
  assert.equal(await missingMigrations(database, [...DOMAINS, ledger]), []);
  await database.query("insert into ledger_accounts (account, balance) values ('a', 1)");
  assert.is(
    ((await errorOf(database.query("drop table ledger_accounts"))) as DatabaseError).sqlState,
    "42501",
  );
});

migrations("the tables of a domain that the process does not run are left alone", async () => {
  await using database = await createDatabase();
  await run(database, [...DOMAINS, ledger]);
  await run(database, []);
  await database.query("select * from ledger_accounts");
  await database.query("select * from orders");
  await using other = await createDatabase("template0");
  await run(other, []);
  assert.equal(await missingMigrations(other, []), []);
  const error = (await errorOf(other.query("select * from orders"))) as DatabaseError;
  assert.is(error.sqlState, "42501", "without its domain the service has nothing to do with the table");
});

migrations("a migration of a domain that fails leaves nothing of that domain", async () => {
  await using database = await createDatabase();
  await database.admin("create table ledger_accounts (x int)");
  assert.match((await errorOf(run(database, [ledger]))).message, "ledger_accounts");
  assert.equal(await missingMigrations(database, [ledger]), ["ledger/0001_ledger"]);
  await database.admin("drop table ledger_accounts");
  assert.equal(await run(database, [ledger]), ["ledger/0001_ledger"]);
});

migrations("a service whose domain is not migrated waits, and says which and what to do", async () => {
  await using database = await createDatabase();
  const waited = Promise.withResolvers<string>();
  const stopping = new AbortController();
  const logger = createLogger("silent");
  const waiting = waitForSchema(database, [...DOMAINS, ledger], logger, stopping.signal, waited.resolve);
  assert.is(await waited.promise, 'the database lacks ledger/0001_ledger: run "npm run waybill -- migrate"');
  await run(database, [ledger]);
  await waiting;
});

migrations(
  "readiness says which domain is not migrated; after `migrate` the service starts by itself",
  async () => {
    await using database = await createDatabase();
    const domains = [...DOMAINS, ledger];
    await using service = await startInProcess(database, { DOMAINS: "orders,ledger" }, domains, {
      isAwaited: false,
    });
    const reasons = async () => {
      const response = await fetch(`${service.url}/readyz`);
      const { reasons: all = [] } = (await response.json()) as { reasons?: string[] };
      return { status: response.status, text: all.join() };
    };
    await until("the reason is known", async () => (await reasons()).text.includes("ledger/0001_ledger"));
    assert.is((await reasons()).status, 503);
    assert.match((await reasons()).text, 'run "npm run waybill -- migrate"');
    await run(database, domains);
    await until("it is ready", async () => (await reasons()).status === 200);
  },
);

migrations(
  "a migrate names the process that it waits for, continues after it, and gives up after a timeout",
  async () => {
    await using database = await createDatabase();
    const earlier = new pg.Client({
      connectionString: database.ownerUrl,
      application_name: "an earlier version",
    });
    await earlier.connect();
    // An earlier version left its lock on a pooler's connection.
    await earlier.query("select pg_advisory_lock($1)", [MIGRATION_LOCK]);
    const { rows } = await earlier.query("select pg_backend_pid() as pid");
    await using owner = new Database(database.ownerUrl, {
      connectionsMax: 2,
      logger: createLogger("silent"),
    });
    const gaveUp = await errorOf(lockMigrations(owner, () => {}, 0));
    assert.match(gaveUp.message, new RegExp(`process ${rows[0].pid} .*an earlier version`));
    const said: string[] = [];
    const migrating = install(database.ownerUrl, database.serviceUrl, DOMAINS, (text) => said.push(text));
    await until("it says so", () => said.length > 0);
    await earlier.end();
    assert.equal(await migrating, []);
    assert.equal(said.slice(1), ["applying migrations"]);
    assert.match(said[0] ?? "", new RegExp(`waiting.*process ${rows[0].pid} .*an earlier version`));
  },
);

migrations("a database that does not hold UTF-8 is refused with a reason", async () => {
  await using database = await createDatabase("template0");
  await database.admin(
    `create database ${database.name}_ascii template template0 encoding 'SQL_ASCII' lc_collate 'C' lc_ctype 'C' owner waybill_owner`,
  );
  const ascii = database.ownerUrl.replace(database.name, `${database.name}_ascii`);
  await install(ascii, ascii, DOMAINS).then(
    () => assert.unreachable(),
    (error: Error) => assert.match(error.message, "UTF8"),
  );
  await database.admin(`drop database ${database.name}_ascii`);
});

migrations.run();
