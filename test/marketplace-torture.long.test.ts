/** Random faults strike the whole marketplace while users buy, and all checks hold in the end. The seed is printed. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { findProgram } from "../tools/stack/kafka-program.ts";
import { findPgBouncer } from "../tools/stack/pgbouncer.ts";
import { findRedis } from "../tools/stack/redis.ts";
import { checkIf } from "./support/check-if.ts";
import { runScript } from "./support/command.ts";

const torture = suite("torture of the marketplace");
const check = checkIf(findPgBouncer() && findRedis() && (await findProgram(() => {})), torture);
const environment = { PATH: process.env.PATH ?? "" };

check("eight faults: nothing is oversold, lost, doubled or out of order", async () => {
  const { status, stdout, stderr } = await runScript("tools/marketplace/main.ts", ["--torture", "8"], {
    environment,
  });
  assert.is(status, 0, stdout + stderr);
  assert.match(stdout, "8 faults:");
  assert.match(stdout, "All audits hold.");
  assert.ok(Number(/(\d+) changes of orders: each is one notification/.exec(stdout)?.[1]) > 0, stdout);
});

torture("bad usage is explained, with status 2", async () => {
  for (const args of [
    ["--torture", "0"],
    ["--torture", "1", "--only", "no such fault"],
  ]) {
    const { status, output } = await runScript("tools/marketplace/main.ts", args, { environment });
    assert.is(status, 2, output);
    assert.match(output, "Usage: npm run marketplace");
  }
});

torture.run();
