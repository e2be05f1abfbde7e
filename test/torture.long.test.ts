/** The torture over NATS Streaming: thirty random faults. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { runScript } from "./support/command.ts";

const torture = suite("torture");

torture("thirty random faults under load: nothing is lost, doubled or changed", async () => {
  const { status, output } = await runScript("tools/torture/main.ts", ["--kills", "30", "--rate", "400"]);
  assert.is(status, 0, output);
  assert.match(output, "Nothing was lost, doubled or changed.");
  assert.match(output, /: 30 faults, 2 services, \d{4,} published/);
});

torture("bad usage is explained, with status 2", async () => {
  for (const args of [["--kills", "0"], ["--only", "no such fault"], ["--services", "x"], ["--nonsense"]]) {
    const { status, output } = await runScript("tools/torture/main.ts", args);
    assert.is(status, 2, output);
    assert.match(output, "Usage: npm run torture");
  }
  assert.is((await runScript("tools/torture/main.ts", ["--help"])).status, 0);
});

torture.run();
