/** Checks that a statement can be cancelled from outside of its connection. */
import pg from "pg";
import * as assert from "uvu/assert";
import { cancelStatement } from "../../src/database/cancel.ts";
import type { TestDatabase } from "./database.ts";
import { errorOf } from "./error.ts";
import { until } from "./wait.ts";

/** @param url of the database, possibly through a pooler. */
export async function checkCancel(database: TestDatabase, url: string): Promise<void> {
  const pool = new pg.Pool({ connectionString: url, max: 1 });
  // Dropping the database after the test ends a connection that is still closing.
  pool.on("error", () => {});
  const client = await pool.connect();
  try {
    const sleeping = errorOf(client.query("select pg_sleep(60)"));
    await until("it runs", async () => {
      const { rows } = await database.admin(
        "select from pg_stat_activity where query = 'select pg_sleep(60)' and state = 'active'",
      );
      return rows.length > 0;
    });
    cancelStatement(client);
    assert.is(((await sleeping) as pg.DatabaseError).code, "57014");
    assert.is((await client.query("select 1 as one")).rows[0].one, 1);
  } finally {
    client.release();
    await pool.end();
  }
}
