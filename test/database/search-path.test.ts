/** A search path without `public` is named with the statement that repairs it. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { install } from "../../src/cli/install.ts";
import { DOMAINS } from "../../src/domains/index.ts";
import { withClient } from "../../tools/stack/postgres.ts";
import { createDatabase } from "../support/database.ts";
import { errorOf } from "../support/error.ts";
import { startInProcess } from "../support/service.ts";
import { until } from "../support/wait.ts";

const searchPath = suite("search path");

for (const holder of ["database", "role"] as const) {
  searchPath(`a service says how to repair that of its ${holder}, and starts after that`, async () => {
    await using database = await createDatabase();
    const target = holder === "database" ? database.name : `waybill in database ${database.name}`;
    await database.admin(
      `alter ${holder === "database" ? "database" : "role"} ${target} set search_path = app`,
    );
    await using service = await startInProcess(database, {}, DOMAINS, { isAwaited: false });
    const readiness = async () => (await fetch(`${service.url}/readyz`)).text();
    const [, repair] = await until("the reason is known", async () =>
      /lacks the schema public: run \\"([^"\\]+)\\"/.exec(await readiness()),
    );
    assert.is(repair, `alter role waybill in database ${database.name} set search_path = public`);
    await withClient(database.serviceUrl, (client) => client.query(repair as string));
    await until("it is ready", async () => (await fetch(`${service.url}/readyz`)).ok);
  });
}

searchPath("migrate applies nothing, and says how to repair that of the owner", async () => {
  await using database = await createDatabase("template0");
  await database.admin(`alter database ${database.name} set search_path = app`);
  const { message } = await errorOf(install(database.ownerUrl, database.serviceUrl, DOMAINS));
  const repair = /run "([^"]+)"/.exec(message)?.[1] ?? "";
  await withClient(database.ownerUrl, (client) => client.query(repair));
  assert.ok((await install(database.ownerUrl, database.serviceUrl, DOMAINS)).length > 0);
});

searchPath.run();
