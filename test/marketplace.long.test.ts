/** The marketplace under more checkouts than its stock can serve. The seed is printed. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { findPgBouncer } from "../tools/stack/pgbouncer.ts";
import { findRedis } from "../tools/stack/redis.ts";
import { checkIf } from "./support/check-if.ts";
import { runScript } from "./support/command.ts";

const marketplace = suite("marketplace under load");
const check = checkIf(findPgBouncer() && findRedis(), marketplace);
const environment = { PATH: process.env.PATH ?? "" };

check("thousands of checkouts oversell nothing, though they want more than there is", async () => {
  const args = ["--once", "--checkouts", "2000", "--users", "100"];
  const { status, stdout, stderr } = await runScript("tools/marketplace/main.ts", args, { environment });
  assert.is(status, 0, stdout + stderr);
  const refused = Number(/(\d+) adds refused/.exec(stdout)?.[1]);
  assert.ok(refused > 0, stdout);
});

marketplace.run();
