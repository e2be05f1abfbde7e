/** `GET /audit`: if the database fails, and about one domain. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { DOMAINS } from "../../src/domains/index.ts";
import { withClient } from "../../tools/stack/postgres.ts";
import { createDatabase, environment } from "../support/database.ts";
import { ledger } from "../support/ledger/index.ts";
import { entryOf } from "../support/ledger/messages.ts";
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

audits("it reports on one domain, and refuses an unknown one with the names of those that run", async () => {
  await using database = await createDatabase(undefined, [ledger]);
  await using service = await startInProcess(database, { DOMAINS: "orders,ledger" }, [...DOMAINS, ledger]);
  const { url } = service;
  await fetch(`${url}/ledger/entries`, { method: "POST", body: new Uint8Array(entryOf("one", "a", 2)) });
  await database.admin("update ledger_accounts set balance = balance + 1");
  const reportOn = async (query: string) => {
    const response = await fetch(`${url}/audit?full=true${query}`);
    assert.is(response.status, 200);
    const { holds, domains } = (await response.json()) as { holds: boolean; domains: object };
    return [holds, ...Object.keys(domains)];
  };
  assert.equal(await reportOn(""), [false, "orders", "ledger"]);
  assert.equal(await reportOn("&domain=orders"), [true, "orders"]);
  assert.equal(await reportOn("&domain=ledger"), [false, "ledger"]);
  const refused = await fetch(`${url}/audit?domain=order`);
  assert.is(refused.status, 400);
  const { parameter, detail } = (await refused.json()) as { parameter: string; detail: string };
  assert.equal([parameter, detail], ["domain", "unknown domain order; known domains: orders, ledger"]);
});

audits.run();
