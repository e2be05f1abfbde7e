/** The torture over the other brokers: ten random faults each. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { findProgram } from "../tools/stack/kafka-program.ts";
import { checkIf } from "./support/check-if.ts";
import { runScript } from "./support/command.ts";

const torture = suite("torture of other sources");
const hasKafka = (await findProgram(() => {})) !== undefined;

for (const [source, isThere] of [
  ["kafka", hasKafka],
  ["jetstream", true],
] as const) {
  const check = checkIf(isThere, torture);
  check(`${source}: ten faults under load: nothing is lost, doubled or changed`, async () => {
    const args = ["--source", source, "--kills", "10", "--rate", "300"];
    const { status, output } = await runScript("tools/torture/main.ts", args);
    assert.is(status, 0, output);
    assert.match(output, "Nothing was lost, doubled or changed.");
  });
}

torture.run();
