/** The metrics of an audit, for several domains of one process. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Auditor } from "../../src/audit/auditor.ts";
import { insertSourceGap } from "../../src/audit/source-gaps-table.ts";
import { orders } from "../../src/domains/orders/index.ts";
import { createMetrics } from "../../src/watch/metrics.ts";
import { auditRecorder } from "../../src/watch/record.ts";
import { createDatabase } from "../support/database.ts";

const auditors = suite("auditor");

auditors("each domain keeps its own lost messages in the metrics", async () => {
  await using database = await createDatabase();
  const other = { name: "other", tables: orders.tables, checks: [] };
  const metrics = createMetrics();
  const auditor = new Auditor(database, [orders, other], auditRecorder(metrics));
  const gapMessages = async () => {
    const { values } = await metrics.gapMessages.get();
    return values.map(({ labels, value }) => [labels.domain, labels.source, labels.channel, value]);
  };
  const gap = { source: "kafka", series: "partition 0" };
  await insertSourceGap(database, "orders", { ...gap, channel: "orders", from: 1n, to: 30n });
  await auditor.run();
  assert.equal(await gapMessages(), [["orders", "kafka", "orders", 30]]);
  await insertSourceGap(database, "other", { ...gap, channel: "other", from: 1n, to: 2n });
  for (let audits = 0; audits < 2; audits++) {
    await auditor.run();
    assert.equal(await gapMessages(), [
      ["orders", "kafka", "orders", 30],
      ["other", "kafka", "other", 2],
    ]);
  }
});

auditors("the age of the last audit is unknown before the first", async () => {
  await using database = await createDatabase();
  const auditor = new Auditor(database, [orders], () => {});
  assert.is(auditor.ageSeconds, undefined);
  await auditor.run();
  assert.ok((auditor.ageSeconds ?? -1) >= 0);
});

auditors.run();
