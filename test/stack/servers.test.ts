/** In-memory caches, and databases with separate roles. */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { createClient } from "@redis/client";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { startNotices } from "../../tools/stack/notices.ts";
import { findPgBouncer, PgBouncer } from "../../tools/stack/pgbouncer.ts";
import { Postgres, withClient } from "../../tools/stack/postgres.ts";
import { findRedis, Redis } from "../../tools/stack/redis.ts";
import { checkIf } from "../support/check-if.ts";
import { environment } from "../support/database.ts";
import { errorOf } from "../support/error.ts";
import { until } from "../support/wait.ts";

const servers = suite("servers of the marketplace");
const [redisServer, pgBouncer] = [findRedis(), findPgBouncer()];
const folder = environment("WAYBILL_TEST_FOLDER");

servers(
  "a long wait is reported again and again until it ends, and one without progress is not",
  async () => {
    const lines: string[] = [];
    const texts = [undefined, "two are left", undefined, "one is left"];
    const notices = startNotices(
      () => texts.shift(),
      (text) => lines.push(text),
      5,
    );
    await until("both texts are reported", () => lines.length === 2);
    assert.equal(lines, ["two are left (0 s so far)", "one is left (0 s so far)"]);
    texts.push("none is left");
    notices[Symbol.dispose]();
    await until("a later timer has run", () => new Promise((resolve) => setTimeout(() => resolve(true), 10)));
    assert.is(lines.length, 2);
  },
);

const withRedis = checkIf(redisServer, servers);
withRedis("Redis keeps nothing over a stop, and comes back on its port", async () => {
  const redisFolder = join(folder, "redis");
  await using redis = await Redis.create(redisServer as string, redisFolder);
  const open = () => createClient({ url: redis.url, socket: { reconnectStrategy: false } });
  const ask = async (work: (client: ReturnType<typeof open>) => Promise<unknown>) => {
    const client = open();
    client.on("error", () => {});
    await client.connect();
    try {
      return await work(client);
    } finally {
      client.destroy();
    }
  };
  await ask((client) => client.set("key", "value"));
  assert.is(await ask((client) => client.get("key")), "value");
  for (const signal of ["SIGTERM", "SIGKILL"] as const) {
    await redis.stop(signal);
    assert.ok(await errorOf(ask((client) => client.get("key"))));
    await redis.start();
    assert.is(await ask((client) => client.get("key")), null);
    await ask((client) => client.set("key", "value"));
  }
  assert.equal(await readdir(redisFolder), ["redis.log"]);
});

const withPgBouncer = checkIf(pgBouncer, servers);
withPgBouncer("each database lets its own roles in alone, directly and through PgBouncer", async () => {
  await using started = new AsyncDisposableStack();
  const postgres = await Postgres.create(join(folder, "databases"));
  started.defer(() => postgres.stop());
  const [one, other] = [
    await postgres.createDatabaseWithRoles("one"),
    await postgres.createDatabaseWithRoles("other"),
  ];
  const pooler = started.use(
    await PgBouncer.start(pgBouncer as string, join(folder, "pooler"), [one.serviceUrl, other.serviceUrl]),
  );
  const nameAt = (url: string) =>
    withClient(url, async (client) => (await client.query("select current_database() as name")).rows[0].name);
  assert.is(await nameAt(one.ownerUrl), "one");
  assert.is(await nameAt(pooler.through(one.serviceUrl)), "one");
  assert.is(await nameAt(pooler.through(other.serviceUrl)), "other");
  const crossing = one.serviceUrl.replace(/one$/, "other");
  assert.match((await errorOf(nameAt(crossing))).message, "permission denied for database");
  assert.match((await errorOf(nameAt(pooler.through(crossing)))).message, "permission denied for database");
});

servers.run();
