import { spawnSync } from "node:child_process";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { orders } from "../src/domains/orders/index.ts";
import { createDatabase } from "./support/database.ts";
import { appendAll, projectAll } from "./support/engine.ts";
import { messageOf, orderWith } from "./support/messages.ts";

const cli = suite("commands");

function run(script: string, args: string[], environment: Record<string, string> = {}) {
  return spawnSync(process.execPath, [script, ...args], {
    env: { PATH: process.env.PATH, ...environment },
    encoding: "utf8",
    timeout: 60_000,
  });
}

for (const script of ["src/cli/main.ts", "tools/publisher/main.ts", "tools/stack/demo.ts", "bench/main.ts"]) {
  cli(`${script} --help says how it is used`, () => {
    const { status, stdout } = run(script, ["--help"]);
    assert.is(status, 0);
    assert.match(stdout, "Usage: npm run");
  });

  cli(`${script} with bad usage says what is wrong, without a stack, and ends with 2`, () => {
    const { status, stderr } = run(script, ["--no-such-option"]);
    assert.is(status, 2);
    assert.match(stderr, "no-such-option");
    assert.match(stderr, "Usage: npm run");
    assert.not.match(stderr, /^\s+at /m);
  });
}

cli("waybill with no or an unknown command ends with 2", () => {
  for (const args of [[], ["frobnicate"], ["constructor"], ["audit", "orders"]])
    assert.is(run("src/cli/main.ts", args).status, 2);
});

cli("publisher refuses numbers that make no sense", () => {
  for (const args of [
    ["--count", "x"],
    ["--garbage", "1.5"],
    ["--garbage", "0.6", "--duplicates", "0.6"],
    ["--rate", "-1"],
    ["--verify", "nowhere"],
    ["--to", "rabbit"],
    ["--file", "a", "--stdin"],
    ["--lines"],
  ]) {
    const { status, stderr } = run("tools/publisher/main.ts", args);
    assert.is(status, 2, args.join(" "));
    assert.not.match(stderr, /^\s+at /m);
  }
});

cli("publisher says that the broker is away, and ends with 1", () => {
  const { status, stderr } = run("tools/publisher/main.ts", ["--count", "1"], {
    NATS_URL: "nats://127.0.0.1:1",
  });
  assert.is(status, 1);
  assert.match(stderr, "127.0.0.1:1");
});

cli("audit exits 0 where conservation holds, and 1 with the positions where it does not", async () => {
  await using database = await createDatabase();
  const environment = { DATABASE_URL: database.serviceUrl };
  const { receipts } = await appendAll(database, [
    messageOf(orderWith({})),
    messageOf("garbage"),
    messageOf(orderWith({})),
  ]);
  await projectAll(database, orders);
  const good = run("src/cli/main.ts", ["audit"], environment);
  assert.is(good.status, 0, good.stderr);
  assert.match(good.stdout, "received 3 = projected 1 + duplicate 1 + dead 1 + pending 0");

  await database.admin("delete from dead_letters");
  const known = run("src/cli/main.ts", ["audit"], environment);
  assert.match(known.stdout, "read from position 4; everything was read on 20");
  const bad = run("src/cli/main.ts", ["audit", "--full", "--json"], environment);
  assert.is(bad.status, 1);
  const report = JSON.parse(bad.stdout);
  assert.is(report.holds, false);
  assert.equal(report.domains.orders.discrepancies, [Number(receipts[1]?.position)]);
});

cli("audit and migrate say in words that the database cannot be reached", () => {
  for (const command of ["audit", "migrate"]) {
    const { status, stderr } = run("src/cli/main.ts", [command], {
      DATABASE_URL: "postgres://u:secret@127.0.0.1:1/x",
    });
    assert.is(status, 1, command);
    assert.match(stderr, "ECONNREFUSED");
    assert.not.match(stderr, /secret|^\s+at /m);
  }
});

cli.run();
