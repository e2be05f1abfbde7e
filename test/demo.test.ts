/** The demo and the publisher, run like their users do; demo.long.test.ts has each broker. */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { COMPILED } from "../tools/stack/compiled.ts";
import { runScript } from "./support/command.ts";
import { createDatabase } from "./support/database.ts";
import { assertAccounted, DEMO_ENVIRONMENT, DEMO_LOAD, runDemo } from "./support/demo.ts";
import { auditOf, brokerEnvironment, startInProcess } from "./support/service.ts";
import { until } from "./support/wait.ts";
import { runHere } from "./support/waybill.ts";

const demo = suite("demo");

demo("the demo reports an unreachable Kafka that KAFKA_BROKERS names", async () => {
  const at = "127.0.0.1:1";
  const { status, stdout, stderr } = await runDemo(["--once", "--source", "kafka"], { KAFKA_BROKERS: at });
  assert.is(status, 1);
  assert.match(stdout + stderr, `no Kafka broker answers at ${at}`);
});

demo("an unknown broker is refused, and the message lists the known ones", async () => {
  for (const [script, option] of [
    ["tools/stack/demo.ts", "--source"],
    ["tools/publisher/main.ts", "--to"],
    ["tools/torture/main.ts", "--source"],
    ["tools/torture/fuzz.ts", "--source"],
    ["bench/main.ts", "--source"],
  ] as const) {
    const { status, stderr } = await runHere(script, [option, "rabbit"]);
    assert.is(status, 2, script);
    assert.match(stderr, "nats-streaming, jetstream, kafka", script);
  }
});

demo("without a broker it runs over http, and says so loudly", async () => {
  // No broker in PATH or the tool folder, and nothing to build one with.
  const { status, stdout, stderr } = await runDemo(
    ["--once", "--orders", "200", "--rate", "0", "--garbage", "0"],
    {
      PATH: "/nonexistent",
      WAYBILL_TOOLS_FOLDER: "/nonexistent",
    },
  );
  assert.is(status, 0, stdout + stderr);
  assert.match(stderr, "WITHOUT A BROKER");
  assert.match(stdout, "received 200 =");
});

demo("the demo accounts for every published message, and Ctrl-C leaves no process and no data", async () => {
  const child = spawn(process.execPath, ["tools/stack/demo.ts", ...DEMO_LOAD, "--port", "0"], {
    env: { ...COMPILED, ...DEMO_ENVIRONMENT },
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (chunk: Buffer) => (output += chunk.toString()));
  await until("it runs", () => output.includes("until Ctrl-C"));
  assert.not.match(output, "WITHOUT A BROKER");
  assertAccounted(output);
  const folder = /log\s+(\S+)\/service\.log/.exec(output)?.[1] ?? "";
  const processes = () => spawnSync("ps", ["-eo", "args"], { encoding: "utf8" }).stdout.split("\n");
  assert.ok(processes().some((line) => line.includes(folder)));
  child.kill("SIGINT");
  const [code] = await once(child, "close");
  assert.is(code, 0, output);
  assert.not.ok(processes().some((line) => line.includes(folder)));
  assert.is(spawnSync("ls", [folder]).status === 0, false);
});

demo(
  "publisher: files, lines and standard input arrive byte for byte, and scripts can read the report",
  async () => {
    await using started = new AsyncDisposableStack();
    const database = started.use(await createDatabase());
    const names = brokerEnvironment();
    const service = started.use(await startInProcess(database, { ...names, SOURCES: "nats-streaming" }));
    const publisher = (args: string[]) => runHere("tools/publisher/main.ts", args, names);
    const publisherOf = (input: string, ...args: string[]) =>
      runScript("tools/publisher/main.ts", ["--stdin", ...args], {
        environment: { ...DEMO_ENVIRONMENT, ...names },
        input,
      });
    const folder = mkdtempSync(join(tmpdir(), "waybill-"));
    writeFileSync(join(folder, "a.bin"), Buffer.from([0, 1, 2, 255]));
    writeFileSync(join(folder, "b.json"), '{"a":\n1}');
    assert.is((await publisher(["--file", join(folder, "a.bin")])).status, 0);
    assert.is((await publisher(["--dir", folder])).status, 0);
    assert.is((await publisher(["--dir", folder, "--lines"])).status, 0);
    assert.is((await publisherOf("whole\ninput")).status, 0);
    assert.is((await publisherOf("one\ntwo\n", "--lines")).status, 0);
    await until("all arrive", async () => (await auditOf(service.url)).received >= 9);
    const { rows } = await database.admin(
      "select encode(payload, 'escape') as text from inbox order by position",
    );
    const texts = rows.map(({ text }) => text);
    for (const expected of ['{"a":\n1}', '{"a":', "1}", "whole\ninput", "one", "two"])
      assert.ok(texts.includes(expected), expected);

    const args = ["--count", "300", "--garbage", "0.1", "--seed", "1", "--verify", service.url, "--json"];
    const { status, stdout } = await publisher(args);
    assert.is(status, 0, stdout);
    const report = JSON.parse(stdout);
    assert.is(report.published + report.refused, 300);
    assert.is(report.verification.checked, report.orders);
    assert.equal(report.verification.missing, []);
    assert.ok(report.verification.readable.p99 > 0);

    // The service reads another channel, so it serves none of these orders.
    const lost = await runHere(
      "tools/publisher/main.ts",
      ["--count", "3", "--verify", service.url, "--patience", "1"],
      brokerEnvironment(),
    );
    assert.is(lost.status, 1, lost.stdout);
    assert.match(lost.stdout, "3 missing");
    assert.match(lost.stdout, /missing: \w+/);
  },
);

demo.run();
