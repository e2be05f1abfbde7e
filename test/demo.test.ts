/** The demo and the publisher, run like their users do. */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { BROKER_KINDS } from "../tools/stack/broker.ts";
import { COMPILED } from "../tools/stack/compiled.ts";
import { findProgram as findKafka } from "../tools/stack/kafka-program.ts";
import { checkIf } from "./support/check-if.ts";
import { runScript } from "./support/command.ts";
import { createDatabase } from "./support/database.ts";
import { kafkaAt } from "./support/kafka.ts";
import { auditOf, brokerEnvironment, startAsProcess } from "./support/service.ts";
import { sharedKafka } from "./support/sources.ts";
import { until } from "./support/wait.ts";

const demo = suite("demo");
const environment = {
  PATH: process.env.PATH ?? "",
  // Go's cache is there, if a broker has to be built.
  HOME: process.env.HOME ?? "",
  NATS_STREAMING_SERVER: process.env.NATS_STREAMING_SERVER ?? "",
  WAYBILL_TOOLS_FOLDER: process.env.WAYBILL_TOOLS_FOLDER ?? "",
};

function run(script: string, args: string[], extra: Record<string, string> = {}, input?: string) {
  return runScript(script, args, {
    environment: { ...environment, ...extra },
    ...(input === undefined ? {} : { input }),
  });
}

for (const source of BROKER_KINDS) {
  const isThere = source !== "kafka" || (await findKafka(() => {})) !== undefined;
  const check = checkIf(isThere, demo);
  check(`demo --once through ${source} accounts for every published message and ends with 0`, async () => {
    const args = [
      "--once",
      "--source",
      source,
      "--orders",
      "1500",
      "--garbage",
      "0.1",
      "--duplicates",
      "0.05",
      "--conflicts",
      "0.02",
      "--rate",
      "0",
      "--seed",
      "4",
    ];
    const { status, stdout, stderr } = await run("tools/stack/demo.ts", args);
    assert.is(status, 0, stdout + stderr);
    assert.not.match(stderr, "WITHOUT A BROKER");
    const sum =
      /received (\d+) = projected (\d+) \+ duplicate (\d+) \+ dead (\d+) \+ pending (\d+)/
        .exec(stdout)
        ?.slice(1)
        .map(Number) ?? [];
    const [received, projected, duplicate, dead, pending] = sum as [number, number, number, number, number];
    assert.is(received, 1_500);
    assert.is(pending, 0);
    assert.is(received, projected + duplicate + dead);
    assert.ok(projected > 1_000 && duplicate > 30 && dead > 100);
  });
}

const broker = sharedKafka();
const withKafka = checkIf(broker, demo);

withKafka(
  "a Kafka that runs already is used in a topic of the demo's own, beside what others have there",
  async () => {
    const { address } = broker as NonNullable<typeof broker>;
    const { createTopic, produce, withAdmin } = kafkaAt(broker);
    await createTopic("orders");
    await produce("orders", [{ value: "of somebody else" }]);
    const args = ["--once", "--source", "kafka", "--orders", "100", "--rate", "0"];
    const { status, stdout, stderr } = await run("tools/stack/demo.ts", args, { KAFKA_BROKERS: address });
    assert.is(status, 0, stdout + stderr);
    const topics = await withAdmin((admin) => admin.listTopics());
    assert.ok(topics.some((topic) => topic.startsWith("waybill-")));
    const groups = await withAdmin((admin) => admin.listGroups());
    assert.not.ok(groups.has("waybill"));
  },
);

demo("the demo reports an unreachable Kafka that KAFKA_BROKERS names", async () => {
  const at = "127.0.0.1:1";
  const { status, stdout, stderr } = await run("tools/stack/demo.ts", ["--once", "--source", "kafka"], {
    KAFKA_BROKERS: at,
  });
  assert.is(status, 1);
  assert.match(stdout + stderr, `no Kafka broker answers at ${at}`);
});

demo("the demo reports a Jaeger that does not start, and continues", async () => {
  const args = ["--once", "--orders", "20", "--observe"];
  const { status, stdout, stderr } = await run("tools/stack/demo.ts", args, {
    JAEGER_ALL_IN_ONE: "/bin/false",
  });
  assert.is(status, 0, stdout + stderr);
  assert.match(stdout + stderr, /continuing without it: Jaeger/);
});

demo("an unknown broker is refused, and the message lists the known ones", async () => {
  for (const [script, option] of [
    ["tools/stack/demo.ts", "--source"],
    ["tools/publisher/main.ts", "--to"],
    ["tools/torture/main.ts", "--source"],
    ["tools/torture/fuzz.ts", "--source"],
    ["bench/main.ts", "--source"],
  ] as const) {
    const { status, stderr } = await run(script, [option, "rabbit"]);
    assert.is(status, 2, script);
    assert.match(stderr, "nats-streaming, jetstream, kafka", script);
  }
});

demo("without a broker it runs over http, and says so loudly", async () => {
  // No broker in PATH or the tool folder, and nothing to build one with.
  const { status, stdout, stderr } = await run(
    "tools/stack/demo.ts",
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

demo("Ctrl-C ends the demo and leaves no process and no data", async () => {
  const child = spawn(process.execPath, ["tools/stack/demo.ts", "--orders", "100", "--port", "0"], {
    env: { ...COMPILED, ...environment },
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (chunk: Buffer) => (output += chunk.toString()));
  await until("it runs", () => output.includes("until Ctrl-C"));
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
  "publisher: files, lines and standard input arrive byte for byte, and the report can be read by scripts",
  async () => {
    await using database = await createDatabase();
    const names = brokerEnvironment();
    const service = await startAsProcess(database.serviceUrl, { ...names, SOURCES: "nats-streaming" });
    const folder = mkdtempSync(join(tmpdir(), "waybill-"));
    writeFileSync(join(folder, "a.bin"), Buffer.from([0, 1, 2, 255]));
    writeFileSync(join(folder, "b.json"), '{"a":\n1}');
    const publisher = (args: string[], input?: string) =>
      run("tools/publisher/main.ts", args, names as Record<string, string>, input);
    assert.is((await publisher(["--file", join(folder, "a.bin")])).status, 0);
    assert.is((await publisher(["--dir", folder])).status, 0);
    assert.is((await publisher(["--dir", folder, "--lines"])).status, 0);
    assert.is((await publisher(["--stdin"], "whole\ninput")).status, 0);
    assert.is((await publisher(["--stdin", "--lines"], "one\ntwo\n")).status, 0);
    await until("all arrive", async () => (await auditOf(service.url)).received >= 9);
    const { rows } = await database.admin(
      "select encode(payload, 'escape') as text from inbox order by position",
    );
    const texts = rows.map(({ text }) => text);
    for (const expected of ['{"a":\n1}', '{"a":', "1}", "whole\ninput", "one", "two"])
      assert.ok(texts.includes(expected), expected);

    const { status, stdout } = await publisher([
      "--count",
      "300",
      "--garbage",
      "0.1",
      "--seed",
      "1",
      "--verify",
      service.url,
      "--json",
    ]);
    assert.is(status, 0, stdout);
    const report = JSON.parse(stdout);
    assert.is(report.published + report.refused, 300);
    assert.is(report.verification.checked, report.orders);
    assert.equal(report.verification.missing, []);
    assert.ok(report.verification.readable.p99 > 0);
    await service.child.end("SIGTERM");
  },
);

demo("publisher --verify names what is missing and ends with 1", async () => {
  await using database = await createDatabase();
  // A service on another channel serves none of the orders.
  const service = await startAsProcess(database.serviceUrl, {
    ...brokerEnvironment(),
    SOURCES: "nats-streaming",
  });
  const { status, stdout } = await run(
    "tools/publisher/main.ts",
    ["--count", "3", "--verify", service.url, "--patience", "1"],
    brokerEnvironment() as Record<string, string>,
  );
  assert.is(status, 1, stdout);
  assert.match(stdout, "3 missing");
  assert.match(stdout, /missing: \w+/);
  await service.child.end("SIGTERM");
});

demo.run();
