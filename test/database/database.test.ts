/** Every failure is classified, even if the connection breaks at a bad moment. */
import { createServer, connect as dial, type Socket } from "node:net";
import pg from "pg";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Database } from "../../src/database/database.ts";
import { DatabaseError } from "../../src/database/database-error.ts";
import type { Queryable } from "../../src/database/queryable.ts";
import type { Transaction } from "../../src/database/transaction.ts";
import { createLogger } from "../../src/telemetry/logger.ts";
import { checkCancel } from "../support/cancel.ts";
import { createDatabase } from "../support/database.ts";
import { errorOf } from "../support/error.ts";
import { until } from "../support/wait.ts";

const databases = suite("database");
const logger = createLogger("silent");

databases("a bare pool or client of the driver is not a Queryable, so it does not compile as one", () => {
  const accept = (_database: Queryable) => {};
  const pool = new pg.Pool();
  const client = new pg.Client();
  // @ts-expect-error: its failures would not be classified.
  accept(pool);
  // @ts-expect-error: the same.
  accept(client);
  // @ts-expect-error: the method alone is not enough.
  accept({ query: async () => ({ rows: [], rowCount: 0 }) });
});

databases("every failure is a DatabaseError, whichever way the statement takes", async () => {
  await using database = await createDatabase();
  const ways: Record<string, () => Promise<unknown>> = {
    query: () => database.query("select 1 / 0"),
    transaction: () => database.transaction((transaction) => transaction.query("select 1 / 0")),
    attempt: () => database.attempt((transaction) => transaction.script("select 1 / 0")),
    copyOut: () => database.copyOut("copy (select 1 / 0) to stdout (format binary)"),
    hold: async () => {
      await using held = await database.hold();
      await held.query("select 1 / 0");
    },
  };
  for (const [way, fail] of Object.entries(ways)) {
    const error = await errorOf(fail());
    assert.instance(error, DatabaseError, way);
    assert.is((error as DatabaseError).sqlState, "22012", way);
  }
});

databases("a database that refuses to connect is a DatabaseError without SQLSTATE", async () => {
  await using away = new Database("postgres://nobody@127.0.0.1:1/none", { connectionsMax: 1, logger });
  for (const failing of [away.query("select 1"), away.transaction(async () => {}), away.hold()]) {
    const error = await errorOf(failing);
    assert.instance(error, DatabaseError);
    assert.is((error as DatabaseError).sqlState, undefined);
  }
});

databases("times are parsed correctly, at any date style of the database", async () => {
  await using database = await createDatabase();
  const time = new Date("2026-02-03T04:05:06.789Z");
  for (const style of ["German", "SQL, DMY", "Postgres, MDY"]) {
    await database.admin(`alter database ${database.name} set datestyle = ${pg.escapeLiteral(style)}`);
    await using fresh = new Database(database.serviceUrl, { connectionsMax: 1, logger });
    const text = "select $1::timestamptz as time, current_setting('DateStyle') as style";
    const alone = await fresh.query<{ time: Date; style: string }>(text, [time]);
    const within = await fresh.transaction((transaction) => transaction.query<{ time: Date }>(text, [time]));
    assert.match(alone.rows[0]?.style ?? "", /^ISO/);
    assert.equal([alone.rows[0]?.time, within.rows[0]?.time], [time, time], style);
  }
});

databases("a connection that met a read-only or ending server is thrown away", async () => {
  await using database = await createDatabase();
  const insert = "insert into checkpoints (domain) values ($1)";
  const ways: Record<string, (single: Database) => Promise<unknown>> = {
    query: (single) => single.query(insert, ["query"]),
    transaction: (single) => single.transaction((transaction) => transaction.query(insert, ["transaction"])),
    "ignored failure": (single) =>
      single.attempt((transaction) => transaction.query(insert, ["ignored"]).catch(() => {})),
  };
  for (const [way, run] of Object.entries(ways)) {
    await database.admin(
      `alter role waybill in database ${database.name} set default_transaction_read_only = on`,
    );
    await using single = new Database(database.serviceUrl, { connectionsMax: 1, logger });
    await run(single).catch((error) => assert.is(error.sqlState, "25006"));
    await database.admin(
      `alter role waybill in database ${database.name} reset default_transaction_read_only`,
    );
    await single.query(insert, [`after ${way}`]);
  }
});

databases(
  "a repeated statement is prepared once a connection, and outlives a change of its table",
  async () => {
    await using database = await createDatabase();
    await database.admin("create table changing (id int8); grant select on changing to public");
    await using single = new Database(database.serviceUrl, {
      connectionsMax: 1,
      preparesStatements: true,
      logger,
    });
    const select = () => single.query("select * from changing where id = $1", [1n]);
    for (let time = 0; time < 5; time++) await select();
    const prepared = () =>
      single.query<{ statement: string }>("select statement from pg_prepared_statements", undefined);
    assert.equal(
      (await prepared()).rows.map(({ statement }) => statement),
      ["select * from changing where id = $1"],
    );
    // As pg-boss sends them.
    for (let time = 0; time < 5; time++) await single.query("select 1; select 2", []);
    await database.admin("alter table changing add column name text");
    assert.is(((await errorOf(select())) as DatabaseError).isAboutConnection, true);
    await select();
    for (let number = 0; number < 250; number++)
      for (let time = 0; time < 3; time++) await single.query(`select ${number}, $1::int8`, [1n]);
    const { rows } = await prepared();
    assert.ok(rows.length > 150 && rows.length <= 200, `${rows.length} are prepared`);
  },
);

databases(
  "a statement that was prepared on a small table uses the index once the table has grown",
  async () => {
    await using database = await createDatabase();
    await database.admin(
      "create table growing (id text primary key) with (autovacuum_enabled = off); grant select on growing to public",
    );
    await using single = new Database(database.serviceUrl, {
      connectionsMax: 1,
      preparesStatements: true,
      logger,
    });
    const ids = Array.from({ length: 100 }, (_none, id) => String(id));
    const rowsRead = () =>
      single.transaction(async (transaction) => {
        const readBySequence = async () => {
          const { rows } = await transaction.query<{ read: bigint }>(
            "select seq_tup_read as read from pg_stat_xact_user_tables where relname = 'growing'",
          );
          return rows[0]?.read ?? 0n;
        };
        const before = await readBySequence();
        await transaction.query("select id from growing where id = any($1::text[])", [ids]);
        return (await readBySequence()) - before;
      });
    await database.admin(
      "insert into growing select id::text from generate_series(1, 20) as id; analyze growing",
    );
    // The sixth execution can reuse the plan.
    for (let time = 0; time < 10; time++) assert.is(await rowsRead(), 20n);
    await database.admin("insert into growing select id::text from generate_series(21, 50000) as id");
    await until("the index is used", async () => (await rowsRead()) === 0n);
  },
);

databases("a cancelled statement fails alone, and its connection stays usable", async () => {
  await using database = await createDatabase();
  await checkCancel(database, database.serviceUrl);
});

databases("an attempt leaves nothing behind", async () => {
  await using database = await createDatabase();
  const insert = "insert into checkpoints (domain) values ('attempted')";
  await database.attempt((transaction) => transaction.query(insert));
  const { rows } = await database.query("select from checkpoints where domain = 'attempted'");
  assert.is(rows.length, 0);
});

databases("a failure that the work ignores is not reported as a commit", async () => {
  await using database = await createDatabase();
  const ignoring = database.transaction(async (transaction) => {
    await transaction.query("insert into checkpoints (domain) values ('lost')");
    await transaction.query("select 1 / 0").catch(() => {});
  });
  assert.match((await errorOf(ignoring)).message, "rolled back");
});

databases(
  "the connection is lost in a savepoint: the first error leaves, not that of the rollback",
  async () => {
    await using database = await createDatabase();
    const kill = (transaction: Transaction) =>
      transaction.query("select pg_terminate_backend(pg_backend_pid())");
    const found: unknown[] = [];
    const keep = (error: unknown) => {
      found.push(error);
      throw error;
    };
    await errorOf(
      database.transaction((transaction) => transaction.savepoint(() => kill(transaction)).catch(keep)),
    );
    const ownError = new Error("of the work itself");
    const failing = database.transaction((transaction) =>
      transaction
        .savepoint(async () => {
          await kill(transaction).catch(() => {});
          throw ownError;
        })
        .catch(keep),
    );
    assert.is(await errorOf(failing), ownError);
    let firstError: unknown;
    const lostBefore = database.transaction((transaction) =>
      transaction.savepoint(async () => {
        await kill(transaction).catch(() => {});
        firstError = await errorOf(transaction.query("select 1"));
        throw firstError;
      }),
    );
    assert.is(await errorOf(lostBefore), firstError);
    assert.instance(found[0], DatabaseError);
    assert.is((found[0] as DatabaseError).sqlState, "57P01");
    assert.is(found[1], ownError);
  },
);

databases("what could not be undone is never committed, even if its error is ignored", async () => {
  await using database = await createDatabase();
  const ownError = new Error("of the work itself");
  let ignored: unknown;
  const ignoring = database.transaction(async (transaction) => {
    ignored = await errorOf(
      transaction.savepoint(async () => {
        await transaction.query("rollback");
        throw ownError;
      }),
    );
  });
  assert.instance(await errorOf(ignoring), DatabaseError);
  assert.is(ignored, ownError);
});

databases("a transaction that is held and whose connection breaks does not end the process", async () => {
  await using database = await createDatabase();
  await using single = new Database(database.serviceUrl, { connectionsMax: 1, logger });
  {
    await using held = await single.hold();
    const { rows } = await held.query<{ pid: number }>("select pg_backend_pid() as pid");
    await database.admin("select pg_terminate_backend($1)", [rows[0]?.pid]);
    await until("the connection is gone", () => held.lost.aborted);
  }
  assert.equal((await single.query("select 1 as one")).rows, [{ one: 1 }]);
});

databases("a server that reports its end twice, and then closes, does not end the process", async () => {
  await using database = await createDatabase();
  const { hostname, port } = new URL(database.serviceUrl);
  const sockets: Socket[] = [];
  const server = createServer((client) => {
    const upstream = dial(Number(port), hostname);
    client.pipe(upstream).pipe(client);
    for (const socket of [client, upstream]) socket.on("error", () => {});
    sockets.push(client);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = new URL(database.serviceUrl);
  url.port = String((server.address() as { port: number }).port);
  await using single = new Database(url.href, { connectionsMax: 1, logger });
  {
    await using held = await single.hold();
    await held.query("select 1");
    // A server whose postmaster was killed says this.
    const farewell = errorResponse("57P02", "terminating connection due to unexpected postmaster exit");
    sockets[0]?.end(Buffer.concat([farewell, farewell]));
    await until("the connection is gone", () => held.lost.aborted);
    assert.instance(await errorOf(held.query("select 1")), DatabaseError);
  }
  assert.equal((await single.query("select 1 as one")).rows, [{ one: 1 }]);
  await single.close();
  server.close();
});

/** Source: PostgreSQL manual, "Message Formats", ErrorResponse. */
function errorResponse(sqlState: string, message: string): Buffer {
  const fields = Buffer.from(`SFATAL\0C${sqlState}\0M${message}\0\0`);
  const header = Buffer.from("E\0\0\0\0");
  header.writeUInt32BE(fields.length + 4, 1);
  return Buffer.concat([header, fields]);
}

databases.run();
