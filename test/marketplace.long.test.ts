/** The marketplace under more checkouts than its stock can serve. The seed is printed. */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { COMPILED } from "../tools/stack/compiled.ts";
import { findProgram } from "../tools/stack/kafka-program.ts";
import { findPgBouncer } from "../tools/stack/pgbouncer.ts";
import { findRedis } from "../tools/stack/redis.ts";
import { checkIf } from "./support/check-if.ts";
import { runScript } from "./support/command.ts";

const marketplace = suite("marketplace under load");
const check = checkIf(findPgBouncer() && findRedis() && (await findProgram(() => {})), marketplace);
const environment = { PATH: process.env.PATH ?? "" };

check("thousands of checkouts oversell nothing, though they want more than there is", async () => {
  const args = ["--once", "--checkouts", "2000", "--users", "100"];
  const { status, stdout, stderr } = await runScript("tools/marketplace/main.ts", args, { environment });
  assert.is(status, 0, stdout + stderr);
  const refused = Number(/(\d+) adds refused/.exec(stdout)?.[1]);
  assert.ok(refused > 0, stdout);
});

check("it prints addresses that answer, and Ctrl-C leaves no process and no data", async () => {
  const child = spawn(process.execPath, ["tools/marketplace/main.ts", "--checkouts", "0"], {
    env: { ...COMPILED, ...environment },
  });
  let output = "";
  const running = Promise.withResolvers<void>();
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk: Buffer) => {
      output += chunk.toString();
      if (output.includes("CartService/List")) running.resolve();
    });
  }
  child.once("close", () => running.reject(new Error(output)));
  // Its progress is this test's: three brokers and six services start for minutes on a slow machine.
  child.stderr.pipe(process.stderr);
  await running.promise;
  const pages = [...output.matchAll(/Swagger UI (\S+),/g)].map(([, url]) => url as string);
  assert.is(pages.length, 5);
  const shop = /Shop page: (\S+)/.exec(output)?.[1] as string;
  for (const url of [shop, ...pages]) assert.is((await fetch(url)).status, 200, url);
  const folder = /log (\S+)\/product\/service\.log/.exec(output)?.[1] ?? "";
  const processes = () =>
    spawnSync("ps", ["-eo", "args"], { encoding: "utf8" })
      .stdout.split("\n")
      .filter((line) => line.includes(folder));
  assert.ok(processes().length > 0);
  child.kill("SIGINT");
  const [code] = await once(child, "close");
  assert.is(code, 0, output);
  assert.equal(processes(), []);
  assert.not.ok(existsSync(folder));
});

marketplace.run();
