/** The script that creates roles and database, run as in docs/running.md. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { install } from "../../src/cli/install.ts";
import { DOMAINS } from "../../src/domains/index.ts";
import { Postgres, withClient } from "../../tools/stack/postgres.ts";
import { checkIf } from "../support/check-if.ts";
import { environment } from "../support/database.ts";
import { errorOf } from "../support/error.ts";

const creating = suite("create-database.sh");
const hasPsql = spawnSync("psql", ["--version"]).status === 0;

creating("without passwords it says which variables to set", () => {
  for (const env of [{}, { WAYBILL_PASSWORD: "secret" }]) {
    const { status, stderr } = run(env);
    assert.is(status, 2);
    assert.match(stderr, "WAYBILL_OWNER_PASSWORD");
    assert.match(stderr, "WAYBILL_PASSWORD");
  }
});

const check = checkIf(hasPsql, creating);
check(
  "it makes what `migrate` and the service need, any number of times, and nothing for others",
  async () => {
    const postgres = await Postgres.create(join(environment("WAYBILL_TEST_FOLDER"), "create-database"));
    try {
      await postgres.admin(async (client) => {
        await client.query("drop role waybill, waybill_owner");
        await client.query("create role stranger login password 'stranger'");
      });
      const { password } = new URL(postgres.adminUrl());
      const server = {
        PGHOST: "127.0.0.1",
        PGPORT: String(postgres.port),
        PGUSER: "postgres",
        PGPASSWORD: password,
      };
      const urlOf = (user: string, secret: string, name = "waybill") =>
        `postgres://${user}:${encodeURIComponent(secret)}@127.0.0.1:${postgres.port}/${name}`;
      for (const secret of ["it's first", "second\\ $one"]) {
        const passwords = { WAYBILL_OWNER_PASSWORD: `${secret} owner`, WAYBILL_PASSWORD: secret };
        const { status, stderr } = run({ ...server, ...passwords });
        assert.is(status, 0, stderr);
        const service = urlOf("waybill", secret);
        await install(urlOf("waybill_owner", `${secret} owner`), service, DOMAINS);
        await withClient(service, (client) => client.query("select from inbox"));
        const temporary = withClient(service, (client) => client.query("create temporary table mine ()"));
        assert.match((await errorOf(temporary)).message, "permission denied");
      }
      // Two services on one server cannot access each other's database.
      const passwords = { WAYBILL_OWNER_PASSWORD: "shop owner", WAYBILL_PASSWORD: "shop" };
      const { status, stderr } = run({ ...server, ...passwords, WAYBILL_DATABASE: "shop" });
      assert.is(status, 0, stderr);
      const shop = urlOf("shop", "shop", "shop");
      await install(urlOf("shop_owner", "shop owner", "shop"), shop, DOMAINS);
      await withClient(shop, (client) => client.query("select from inbox"));
      const crossing = withClient(urlOf("shop", "shop"), (client) => client.query("select 1"));
      assert.match((await errorOf(crossing)).message, "permission denied for database");
      const stranger = withClient(urlOf("stranger", "stranger"), (client) => client.query("select 1"));
      assert.match((await errorOf(stranger)).message, "permission denied for database");
    } finally {
      await postgres.stop();
    }
  },
);

function run(env: Readonly<Record<string, string>>) {
  return spawnSync("sh", ["migrations/create-database.sh"], {
    env: { PATH: process.env.PATH, ...env },
    encoding: "utf8",
  });
}

creating.run();
