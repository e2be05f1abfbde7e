/** Failures and timeouts. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { runScript } from "../support/command.ts";

const runner = suite("runner");
const fixture = (name: string) => `test/runner/fixtures/${name}.ts`;

runner("a silent file is killed, a slow one is not, and one without tests fails", async () => {
  const names = ["silent", "slow", "hook"].map(fixture);
  const { status, stdout } = await runScript("test/run.ts", ["--silence", "5", ...names]);
  assert.is(status, 1);
  assert.match(stdout, `FAIL ${fixture("silent")} 0 of 0`);
  assert.match(stdout, "(killed: it printed nothing for 5 s)");
  assert.match(stdout, `ok   ${fixture("slow")} 1`);
  assert.match(stdout, `FAIL ${fixture("hook")}`);
  assert.is(stdout.trim().split("\n").at(-1), "1 passed, 2 failed");
});

runner("a name without files, or an unknown option, is bad usage", async () => {
  for (const argument of ["no-such-file", "--no-such-option"]) {
    const { status, stderr } = await runScript("test/run.ts", [argument]);
    assert.is(status, 2, stderr);
    assert.match(stderr, "Usage: npm test");
  }
});

runner.run();
