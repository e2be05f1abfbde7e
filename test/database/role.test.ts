/** A role named in the URL's query, with at most five connections. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { install } from "../../src/cli/install.ts";
import { loadConfig } from "../../src/config/config.ts";
import { DOMAINS } from "../../src/domains/index.ts";
import { startService } from "../../src/main.ts";
import { createLogger } from "../../src/telemetry/logger.ts";
import { createDatabase, type TestDatabase } from "../support/database.ts";
import { orderWith } from "../support/messages.ts";
import { auditOf } from "../support/service.ts";
import { until } from "../support/wait.ts";

const roles = suite("role");
const PASSWORD = "p%w";

/** Calls `work` with the URL of a new role. */
async function withRole(database: TestDatabase, work: (url: string) => Promise<void>): Promise<void> {
  const role = `limited_${database.name}`;
  await database.admin(`create role ${role} login connection limit 5 password '${PASSWORD}'`);
  const url = new URL(database.serviceUrl);
  url.username = url.password = "";
  url.search = String(new URLSearchParams({ user: role, password: PASSWORD }));
  try {
    await install(database.ownerUrl, url.href, DOMAINS);
    await work(url.href);
  } finally {
    await database.admin(`drop owned by ${role}; drop role ${role}`);
  }
}

roles("five connections are enough, and what migrate granted is enough", async () => {
  await using database = await createDatabase("template0");
  await withRole(database, async (url) => {
    const environment = { DATABASE_URL: url, SOURCES: "http", HTTP_PORT: "0", DATABASE_CONNECTIONS_MAX: "5" };
    const service = await startService(loadConfig(DOMAINS, environment), createLogger("silent"));
    const address = `http://127.0.0.1:${service.port}`;
    try {
      await until("the service is ready", async () => (await fetch(`${address}/readyz`)).ok);
      const answers = await Promise.all(
        Array.from({ length: 30 }, (_, index) =>
          fetch(`${address}/orders`, {
            method: "POST",
            body: orderWith({ order_uid: `limited ${index}` }).toString(),
          }),
        ),
      );
      assert.ok(answers.every(({ status }) => status === 202));
      await until("all are projected", async () => (await auditOf(address)).projected === 30);
      const pathsOf = (index: number) => [`/orders/none${index}`, "/deadletters", "/messages/1", "/audit"];
      const paths = Array.from({ length: 20 }, (_, index) => pathsOf(index)).flat();
      const asked = await Promise.all(paths.map((path) => fetch(`${address}${path}`)));
      assert.equal(
        asked.filter(({ status }) => status >= 500).map(({ url, status }) => `${status} ${url}`),
        [],
        "no part of the process wants a connection that it may not have",
      );
      const { rows } = await database.admin(
        "select count(*)::int as open from pg_stat_activity where usename like 'limited%'",
      );
      assert.ok(rows[0].open <= 5);
    } finally {
      await service[Symbol.asyncDispose]();
    }
  });
});

roles("a process that wants more says which setting to change", async () => {
  await using database = await createDatabase("template0");
  await withRole(database, async (url) => {
    await database.admin(`alter role limited_${database.name} connection limit 0`);
    const environment = { DATABASE_URL: url, SOURCES: "http", HTTP_PORT: "0" };
    const service = await startService(loadConfig(DOMAINS, environment), createLogger("silent"));
    try {
      const ready = async () => (await fetch(`http://127.0.0.1:${service.port}/readyz`)).text();
      await until("it says so", async () =>
        /no more connections: set DATABASE_CONNECTIONS_MAX \(default 17, at least 4\)/.test(await ready()),
      );
    } finally {
      await service[Symbol.asyncDispose]();
    }
  });
});

roles.run();
