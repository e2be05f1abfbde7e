/** The marketplace under more checkouts than its stock can serve, twice: from a seed, and from a random one. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { findPgBouncer } from "../tools/stack/pgbouncer.ts";
import { findRedis } from "../tools/stack/redis.ts";
import { checkIf } from "./support/check-if.ts";
import { runScript } from "./support/command.ts";

const marketplace = suite("marketplace under load");
const check = checkIf(findPgBouncer() && findRedis(), marketplace);
const environment = { PATH: process.env.PATH ?? "" };

for (const seed of [["--seed", "1"], []]) {
  check(`thousands of checkouts oversell nothing (${seed.join(" ") || "random seed"})`, async () => {
    const args = ["--once", "--checkouts", "4000", "--users", "100", ...seed];
    const { status, stdout, stderr } = await runScript("tools/marketplace/main.ts", args, { environment });
    assert.is(status, 0, stdout + stderr);
    // The stock is used up: some came too late.
    const refused = Number(/(\d+) adds refused/.exec(stdout)?.[1]);
    assert.ok(refused > 0, stdout);
  });
}

marketplace.run();
