/** The demo with each broker, and with what runs already or does not start. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { BROKER_KINDS } from "../tools/stack/broker.ts";
import { findProgram as findKafka } from "../tools/stack/kafka-program.ts";
import { checkIf } from "./support/check-if.ts";
import { assertAccounted, DEMO_LOAD, runDemo } from "./support/demo.ts";
import { kafkaAt } from "./support/kafka.ts";
import { sharedKafka } from "./support/sources.ts";

const demo = suite("demo with each broker");

for (const source of BROKER_KINDS) {
  const isThere = source !== "kafka" || (await findKafka(() => {})) !== undefined;
  const check = checkIf(isThere, demo);
  check(`demo --once through ${source} accounts for every published message and ends with 0`, async () => {
    const args = ["--once", "--source", source, ...DEMO_LOAD];
    const { status, stdout, stderr } = await runDemo(args);
    assert.is(status, 0, stdout + stderr);
    assert.not.match(stderr, "WITHOUT A BROKER");
    assertAccounted(stdout);
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
    await produce("orders", [{ value: "of another program" }]);
    const args = ["--once", "--source", "kafka", "--orders", "100", "--rate", "0"];
    const { status, stdout, stderr } = await runDemo(args, { KAFKA_BROKERS: address });
    assert.is(status, 0, stdout + stderr);
    const topics = await withAdmin((admin) => admin.listTopics());
    assert.ok(topics.some((topic) => topic.startsWith("waybill-")));
    const groups = await withAdmin((admin) => admin.listGroups());
    assert.not.ok(groups.has("waybill"));
  },
);

demo("the demo reports a Jaeger that does not start, and continues", async () => {
  const args = ["--once", "--orders", "20", "--observe"];
  const { status, stdout, stderr } = await runDemo(args, {
    JAEGER_ALL_IN_ONE: "/bin/false",
  });
  assert.is(status, 0, stdout + stderr);
  assert.match(stdout + stderr, /continuing without it: Jaeger/);
});

demo.run();
