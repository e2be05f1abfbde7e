/**
 * Two processes on one Kafka group or JetStream durable: after one is killed under load, the other has all messages.
 */
import { randomUUID } from "node:crypto";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { ordersKit } from "../tools/domains/orders/index.ts";
import type { Broker, BrokerKind } from "../tools/stack/broker.ts";
import { tell } from "../tools/stack/notices.ts";
import { Judge } from "../tools/torture/judge.ts";
import { checkIf } from "./support/check-if.ts";
import { createDatabase } from "./support/database.ts";
import { auditOf, startAsProcess } from "./support/service.ts";
import { sharedKafka, startJetStream } from "./support/sources.ts";
import { until } from "./support/wait.ts";

const takeover = suite("takeover");
const BROKERS: readonly Readonly<{ source: BrokerKind; broker: Broker | undefined }>[] = [
  { source: "kafka", broker: sharedKafka() },
  { source: "jetstream", broker: await startJetStream() },
];
const MIX = { garbage: 0.05, duplicates: 0.05, conflicts: 0.02 };

for (const { source, broker } of BROKERS) {
  const check = checkIf(broker, takeover);
  check(
    `${source}: a process that is killed loses nothing, and what it held comes by the other one`,
    async () => {
      await using database = await createDatabase();
      const start = (name: string) =>
        startAsProcess(database.serviceUrl, {
          ...broker?.environment(),
          SOURCES: source,
          KAFKA_CLIENT_ID: `${name}-${randomUUID()}`,
          JETSTREAM_ACK_WAIT_SECONDS: "2",
        });
      const appendedBy = async (url: string) => {
        const metrics = await (await fetch(`${url}/metrics`)).text();
        return Number(/^waybill_inbox_appended_total\{[^}]*\} (\d+)$/m.exec(metrics)?.[1] ?? 0);
      };
      const [dying, staying] = [await start("dying"), await start("staying")];
      const judge = new Judge(ordersKit, tell);
      const calm = new AbortController();
      const load = judge.publish(broker as Broker, 5, 1_000, MIX, calm.signal);
      try {
        await until("both have their share", async () =>
          (await Promise.all([dying, staying].map(({ url }) => appendedBy(url)))).every(
            (count) => count > 300,
          ),
        );
        await dying.child.end("SIGKILL");
        const before = judge.acknowledged;
        await until("much more is published", () => judge.acknowledged > before + 3_000);
      } finally {
        calm.abort();
        await load;
      }
      assert.equal(await judge.verdict(database, [staying.url]), []);
      const { holds, received } = await auditOf(staying.url);
      assert.ok(holds);
      assert.is(received, judge.acknowledged);
      await staying.child.end("SIGTERM");
    },
  );
}

takeover.after(async () => {
  for (const { broker } of BROKERS) await broker?.stop("SIGKILL");
});
takeover.run();
