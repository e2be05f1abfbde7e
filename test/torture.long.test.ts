/** The torture, and thousands of hostile messages. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { runScript } from "./support/command.ts";

const torture = suite("torture");

torture("thirty random faults under load: nothing is lost, doubled or changed", async () => {
  const { status, output } = await runScript("tools/torture/main.ts", ["--kills", "30", "--rate", "800"]);
  assert.is(status, 0, output);
  assert.match(output, "Nothing was lost, doubled or changed.");
  assert.match(output, /: 30 faults, 2 services, \d{4,} published/);
});

torture(
  "five thousand hostile messages: each ends in one outcome, and no order has to wait for them",
  async () => {
    const { status, output } = await runScript("tools/torture/fuzz.ts", ["--count", "5000"]);
    assert.is(status, 0, output);
    assert.match(output, "5070 published, received 5070 =");
  },
);

torture("bad usage is explained, with status 2", async () => {
  for (const args of [["--kills", "0"], ["--only", "no such fault"], ["--services", "x"], ["--nonsense"]]) {
    const { status, output } = await runScript("tools/torture/main.ts", args);
    assert.is(status, 2, output);
    assert.match(output, "Usage: npm run torture");
  }
  assert.is((await runScript("tools/torture/main.ts", ["--help"])).status, 0);
  assert.is((await runScript("tools/torture/fuzz.ts", ["--count", "x"])).status, 2);
});

torture.run();
