/** Messages that NATS Streaming counts as acknowledged although the inbox never stored them. */
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type AuditReport, audit } from "../../src/audit/audit.ts";
import { SkippedMessages } from "../../src/composition/skipped-messages.ts";
import type { SkippedRange, Source } from "../../src/contract/source.ts";
import { orders } from "../../src/domains/orders/index.ts";
import {
  type NatsStreamingOptions,
  NatsStreamingSource,
} from "../../src/inbox/sources/nats-streaming/nats-streaming.ts";
import { createLogger } from "../../src/telemetry/logger.ts";
import { createMetrics } from "../../src/watch/metrics.ts";
import { OrderFactory, toPayload } from "../../tools/domains/orders/factory.ts";
import { connectToBroker } from "../../tools/publisher/transport.ts";
import { findBroker, NatsStreaming } from "../../tools/stack/nats-streaming.ts";
import { createDatabase, environment } from "../support/database.ts";
import { appendAll } from "../support/engine.ts";
import { auditOf, brokerEnvironment, startInProcess } from "../support/service.ts";
import { natsStreamingOptions, texts, withSource } from "../support/sources.ts";
import { type Offer, TestSink } from "../support/test-sink.ts";
import { until } from "../support/wait.ts";

const skipped = suite("skipped");

/** Publishes, and acknowledges everything for the durable. @returns what it delivered. */
async function acknowledgeAll(options: NatsStreamingOptions, payloads: readonly Buffer[]): Promise<Offer[]> {
  const sink = new TestSink();
  await withSource(
    new NatsStreamingSource(options),
    async () => {
      await using transport = await connectToBroker(options);
      for (const payload of payloads) await transport.publish(payload);
      await until("all are delivered", () => sink.offers.length === payloads.length);
      sink.commitAll();
    },
    sink,
  );
  return sink.offers;
}

/** From one delivered message to another. */
function between(offers: readonly Offer[], from: number, to: number): SkippedRange {
  const timeOf = (number: number) => BigInt(offers[number - 1]?.message.messageId.split("-")[1] as string);
  return { from: BigInt(from), to: BigInt(to), since: timeOf(from - 1), until: timeOf(to + 1) };
}

skipped(
  "the service stores what the broker counts as acknowledged, after an audit found the gap",
  async () => {
    await using database = await createDatabase();
    const names = brokerEnvironment();
    const options = {
      ...natsStreamingOptions(),
      channel: names.STAN_CHANNEL as string,
      durable: names.STAN_DURABLE as string,
    };
    const factory = new OrderFactory(1);
    const offers = await acknowledgeAll(
      options,
      Array.from({ length: 9 }, () => toPayload(factory.next())),
    );
    const stored = offers.map(({ message }) => message).filter((_, index) => ![0, 3, 4, 6].includes(index));
    await appendAll(database, stored);
    const found = await audit(database, [orders], { gapSettledSeconds: 0 });
    assert.equal(
      found.domains.orders?.gaps.map(({ from, to }) => [Number(from), Number(to)]),
      [
        [1, 1],
        [4, 5],
        [7, 7],
      ],
    );
    await using service = await startInProcess(database, { ...names, SOURCES: "nats-streaming" });
    await until("they are stored", async () => (await auditOf(service.url)).projected === 8);
    const { rows } = await database.query<{ payload: Buffer }>("select payload from inbox order by position");
    assert.equal(
      rows.slice(5).map(({ payload }) => payload),
      [3, 4, 6].map((index) => offers[index]?.message.payload),
      "those before the first stored message went to another database",
    );
    await until("they are counted", async () =>
      /waybill_source_skipped_read_total\{[^}]*\} 3$/m.test(
        await (await fetch(`${service.url}/metrics`)).text(),
      ),
    );
  },
);

skipped("only the range is read, of the same store, and to its end or with an error", async () => {
  const options = natsStreamingOptions();
  const offers = await acknowledgeAll(
    options,
    texts(300).map((text) => Buffer.from(text)),
  );
  const range = between(offers, 11, 290);
  await withSource(new NatsStreamingSource(options), async (sink, source) => {
    const reading = source.readSkipped(range);
    let committed = 0;
    // More than are in flight at once.
    while (committed < 280) {
      await until("more are delivered", () => sink.offers.length > committed);
      const delivered = sink.offers.slice(committed);
      committed += delivered.length;
      for (const offer of delivered) sink.commit(offer);
    }
    assert.is(await reading, 280);
    assert.equal(sink.payloads(), texts(300).slice(10, 290));
    const laterStore = { ...range, since: range.until, until: range.until + 1_000n };
    assert.is(await source.readSkipped(laterStore), 0);
    assert.is(sink.offers.length, 280);

    const again = source.readSkipped(between(offers, 11, 12));
    await until("both are delivered", () => sink.offers.length === 282);
    for (const offer of sink.offers.slice(280)) sink.commit(offer);
    assert.is(await again, 0, "the inbox had them");
    // The next client has the same id.
    for (let number = 0; number < 100; number++) assert.is(await source.readSkipped(laterStore), 0);

    sink.hasRoom = false;
    const reasonOf = (refused: Promise<number> | undefined) =>
      refused?.then(
        () => "no error",
        (error: Error) => error.message,
      );
    assert.is(await reasonOf(source.readSkipped(range)), "the inbox has no room");
    sink.hasRoom = true;
    const uncommitted = reasonOf(source.readSkipped(range));
    await until("some are delivered", () => sink.offers.length > 282);
    await source.close();
    assert.match((await uncommitted) ?? "", /aborted/);
  });
});

skipped("of messages that the broker removed by its limits, the rest is read", async () => {
  const program = await findBroker(() => {});
  assert.ok(program);
  const folder = join(environment("WAYBILL_TEST_FOLDER"), `skipped-${process.pid}`);
  const broker = await NatsStreaming.create(program, folder, ["-max_msgs", "10"]);
  try {
    const options = { ...natsStreamingOptions(), url: broker.url };
    const offers = await acknowledgeAll(
      options,
      texts(10).map((text) => Buffer.from(text)),
    );
    await acknowledgeAll(
      options,
      texts(6).map((text) => Buffer.from(text)),
    );
    await withSource(new NatsStreamingSource(options), async (sink, source) => {
      assert.is(await source.readSkipped(between(offers, 2, 5)), 0);
      const reading = source.readSkipped(between(offers, 4, 8));
      await until("the rest is delivered", () => sink.offers.length === 2);
      sink.commitAll();
      assert.is(await reading, 2);
      assert.equal(sink.payloads(), ["6", "7"]);
    });
  } finally {
    await broker.stop("SIGKILL");
  }
});

skipped("a gap is read once, unless that failed", async () => {
  const read: string[] = [];
  let isFailing = true;
  const source = {
    name: "nats-streaming",
    channel: "orders",
    health: { connected: true },
    start: () => {},
    stop: async () => {},
    close: async () => {},
    readSkipped: async ({ from, to }) => {
      read.push(`${from}-${to}`);
      if (isFailing) throw new Error("the inbox has no room");
      return 0;
    },
  } satisfies Source & { readSkipped: (range: SkippedRange) => Promise<number> };
  const lines = [{ name: "orders", intake: { sources: [source] } }];
  const messages = new SkippedMessages(lines, createMetrics(), createLogger("silent"));
  const gap = { source: "nats-streaming", channel: "orders", from: 3n, to: 4n, since: 20n, until: 50n };
  const others = [
    { ...gap, since: 0n },
    { ...gap, channel: "another" },
    { ...gap, source: "jetstream" },
    { source: "nats-streaming", channel: "orders", from: 3n, to: 4n, series: "0" },
  ];
  const report = (gaps: object[]) => ({ domains: { orders: { gaps } } }) as unknown as AuditReport;
  await messages.read(report([gap, ...others]));
  isFailing = false;
  await messages.read(report([gap]));
  await messages.read(report([gap, ...others]));
  assert.equal(read, ["3-4", "3-4"]);
  await messages.read(report([{ ...gap, from: 4n }]));
  assert.equal(read.at(-1), "4-4", "a part of it arrived meanwhile");
});

skipped.run();
