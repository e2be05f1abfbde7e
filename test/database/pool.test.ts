/** Connections that break at a bad moment. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { closePool, openPool } from "../../src/database/pool.ts";
import { createLogger } from "../../src/telemetry/logger.ts";
import { createDatabase } from "../support/database.ts";
import { until } from "../support/wait.ts";

const pools = suite("pool");

pools(
  "a connection that breaks while somebody has it, and asks nothing, does not end the process",
  async () => {
    await using database = await createDatabase();
    const pool = openPool(database.serviceUrl, 1, createLogger("silent"));
    const client = await pool.connect();
    const { rows } = await client.query("select pg_backend_pid() as pid");
    let hasEnded = false;
    client.once("end", () => {
      hasEnded = true;
    });
    await database.admin("select pg_terminate_backend($1)", [rows[0].pid]);
    await until("the connection is gone", () => hasEnded);
    client.release(true);
    assert.is((await pool.query("select 1 as one")).rows[0].one, 1);
    await closePool(pool);
  },
);

pools("a connection that says more than once that it breaks does not either", async () => {
  await using database = await createDatabase();
  const pool = openPool(database.serviceUrl, 1, createLogger("silent"));
  const asking = pool.query("select pg_sleep(30)").then(
    () => undefined,
    (error: Error) => error,
  );
  const client = await until(
    "somebody has it",
    () => (pool as unknown as { _clients: NodeJS.EventEmitter[] })._clients[0],
  );
  await until("it is asked", async () => {
    const { rows } = await database.admin(
      "select 1 from pg_stat_activity where query like 'select pg_sleep%'",
    );
    return rows.length > 0;
  });
  // As a server does whose postmaster was killed: the backend's farewell, then the end of the socket.
  client.emit("error", new Error("terminating connection due to unexpected postmaster exit"));
  client.emit("error", new Error("Connection terminated unexpectedly"));
  await database.admin(
    "select pg_terminate_backend(pid) from pg_stat_activity where query like 'select pg_sleep%'",
  );
  assert.instance(await asking, Error);
  assert.is((await pool.query("select 1 as one")).rows[0].one, 1);
  await closePool(pool);
});

pools.run();
