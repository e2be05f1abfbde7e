/** Thousands of hostile messages. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { runScript } from "./support/command.ts";

const fuzz = suite("fuzz");

fuzz(
  "five thousand hostile messages: each ends in one outcome, and no order has to wait for them",
  async () => {
    const { status, output } = await runScript("tools/torture/fuzz.ts", ["--count", "5000"]);
    assert.is(status, 0, output);
    assert.match(output, "5050 published, received 5050 =");
  },
);

fuzz.run();
