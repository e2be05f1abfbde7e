/** A short torture and a few hostile messages; test/torture.long.test.ts has both at length. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { runScript } from "./support/command.ts";

const torture = suite("torture");

torture("four random faults under load: nothing is lost, doubled or changed", async () => {
  const { status, output } = await runScript("tools/torture/main.ts", ["--kills", "4", "--rate", "500"]);
  assert.is(status, 0, output);
  assert.match(output, "Nothing was lost, doubled or changed.");
  assert.match(output, /: 4 faults, 2 services, \d{3,} published/);
});

torture(
  "a thousand hostile messages: each ends in one outcome, and no order has to wait for them",
  async () => {
    const { status, output } = await runScript("tools/torture/fuzz.ts", ["--count", "1000"]);
    assert.is(status, 0, output);
    assert.match(output, "1030 published, received 1030 =");
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
