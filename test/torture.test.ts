/** The torture, bounded: thirty faults of a seed that nobody has chosen, on two processes of the service. */
import { spawn } from "node:child_process";
import { suite } from "uvu";
import * as assert from "uvu/assert";

const torture = suite("torture");

const run = (...args: string[]) => runScript("tools/torture/main.ts", ...args);

async function runScript(
  script: string,
  ...args: string[]
): Promise<{ status: number | null; output: string }> {
  const child = spawn(process.execPath, [script, ...args]);
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk: Buffer) => {
      output += chunk.toString();
    });
  }
  const status = await new Promise<number | null>((resolve) => child.once("close", resolve));
  return { status, output };
}

torture("thirty faults under load: nothing is lost, doubled or changed", async () => {
  const { status, output } = await run("--kills", "30", "--rate", "800");
  assert.is(status, 0, output);
  assert.match(output, "Nothing was lost, doubled or changed.");
  assert.match(output, /: 30 faults, 2 services, \d{4,} published/);
});

torture(
  "five thousand hostile messages: each ends in one outcome, and no order has to wait for them",
  async () => {
    const { status, output } = await runScript("tools/torture/fuzz.ts", "--count", "5000");
    assert.is(status, 0, output);
    assert.match(output, "5050 published, received 5050 =");
    assert.is((await runScript("tools/torture/fuzz.ts", "--count", "x")).status, 2);
  },
);

torture("bad usage is explained, with status 2", async () => {
  for (const args of [["--kills", "0"], ["--only", "no such fault"], ["--services", "x"], ["--nonsense"]]) {
    const { status, output } = await run(...args);
    assert.is(status, 2, output);
    assert.match(output, "Usage: npm run torture");
  }
  assert.is((await run("--help")).status, 0);
});

torture.run();
