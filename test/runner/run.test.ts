/** Failures and timeouts. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { runScript } from "../support/command.ts";

const runner = suite("runner");
const fixture = (name: string) => `test/runner/fixtures/${name}.ts`;

runner("a file fails if it is silent, ends early, leaves something open or runs no test", async () => {
  const names = ["exits", "hook", "open", "silent", "slow"].map(fixture);
  const { status, stdout } = await runScript("test/run.ts", ["--silence", "5", ...names]);
  assert.is(status, 1);
  assert.match(stdout, `FAIL ${fixture("silent")} 0 of 0`);
  assert.match(stdout, "(killed: it printed nothing for 5 s)");
  assert.match(stdout, `FAIL ${fixture("exits")} 0 of 0`);
  assert.match(stdout, "(ended with status 0)");
  assert.match(stdout, `FAIL ${fixture("open")} 1 of 1`);
  assert.match(stdout, "(after its last test these stay open: Timeout)");
  assert.match(stdout, `FAIL ${fixture("hook")}`);
  // The last one, in a new process after a failure.
  assert.match(stdout, `ok   ${fixture("slow")} 1`);
  assert.is(stdout.trim().split("\n").at(-1), "2 passed, 4 failed");
});

runner("a name without files, or an unknown option, is bad usage", async () => {
  for (const argument of ["no-such-file", "--no-such-option"]) {
    const { status, stderr } = await runScript("test/run.ts", [argument]);
    assert.is(status, 2, stderr);
    assert.match(stderr, "Usage: npm test");
  }
});

runner.run();
