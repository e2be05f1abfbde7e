/** The torture over the other brokers: ten faults of a seed that nobody has chosen over each. */
import { spawn } from "node:child_process";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { findProgram } from "../tools/stack/kafka.ts";
import { checkIf } from "./support/check-if.ts";

const torture = suite("torture of other sources");
const hasKafka = (await findProgram(() => {})) !== undefined;

for (const [source, isThere] of [
  ["kafka", hasKafka],
  ["jetstream", true],
] as const) {
  const check = checkIf(isThere, torture);
  check(`${source}: ten faults under load: nothing is lost, doubled or changed`, async () => {
    const args = ["--source", source, "--kills", "10", "--rate", "600"];
    const child = spawn(process.execPath, ["tools/torture/main.ts", ...args]);
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (chunk: Buffer) => {
        output += chunk.toString();
      });
    }
    const status = await new Promise<number | null>((resolve) => child.once("close", resolve));
    assert.is(status, 0, output);
    assert.match(output, "Nothing was lost, doubled or changed.");
  });
}

torture.run();
