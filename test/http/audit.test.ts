/** `GET /audit` if the database fails. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { withClient } from "../../tools/stack/postgres.ts";
import { createDatabase, environment } from "../support/database.ts";
import { auditOf, startInProcess } from "../support/service.ts";
import { until } from "../support/wait.ts";

const audits = suite("audit over HTTP");

audits("it answers 503 while no connection can be had, and 200 after that", async () => {
  await using database = await createDatabase();
  const allow = (isAllowed: boolean) =>
    withClient(environment("WAYBILL_TEST_ADMIN_URL"), async (client) => {
      await client.query(`alter database ${database.name} with allow_connections ${isAllowed}`);
      await client.query("select pg_terminate_backend(pid) from pg_stat_activity where datname = $1", [
        database.name,
      ]);
    });
  await using service = await startInProcess(database);
  const { url } = service;
  assert.ok((await auditOf(url)).holds);
  await allow(false);
  try {
    const response = await fetch(`${url}/audit`);
    assert.is(response.status, 503, await response.text());
    assert.ok(response.headers.get("retry-after"));
  } finally {
    await allow(true);
  }
  await until("the database is back", async () => (await fetch(`${url}/audit`)).status === 200);
});

audits.run();
