/** The torture and the hostile messages at length; test/torture.test.ts has a short pass of each. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { runScript } from "./support/command.ts";

const torture = suite("torture at length");

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

torture.run();
