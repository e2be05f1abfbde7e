/** The NATS Streaming source, beyond the suite of all sources. */
import stan from "node-nats-streaming";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { NatsStreamingSource } from "../../src/inbox/sources/nats-streaming/nats-streaming.ts";
import { connectToBroker } from "../../tools/publisher/transport.ts";
import { findBroker, NatsStreaming } from "../../tools/stack/nats-streaming.ts";
import { environment } from "../support/database.ts";
import { natsStreamingOptions, texts, withSource } from "../support/sources.ts";
import { type Offer, TestSink } from "../support/test-sink.ts";
import { until } from "../support/wait.ts";

const nats = suite("nats-streaming");

nats("the durable survives: messages published while no source runs are delivered afterwards", async () => {
  const shared = natsStreamingOptions();
  const sink = new TestSink();
  const first = new NatsStreamingSource(shared);
  first.start(sink);
  await until("connected", () => first.health.connected);
  await first.close();
  await using transport = await connectToBroker(shared);
  await transport.publish(Buffer.from("meanwhile"));
  const second = new NatsStreamingSource(shared);
  second.start(sink);
  await until("it is delivered", () => sink.payloads().includes("meanwhile"));
  sink.commit(sink.offers.at(-1) as Offer);
  await second.close();
});

nats("no more messages than the bound are in flight without an acknowledgement", async () => {
  const bounded = { ...natsStreamingOptions(), inFlightMax: 10, ackWaitSeconds: 30 };
  await using transport = await connectToBroker(bounded);
  for (let sent = 0; sent < 50; sent++) await transport.publish(Buffer.from(String(sent)));
  const sink = new TestSink();
  const source = new NatsStreamingSource(bounded);
  source.start(sink);
  await until("ten are delivered", () => sink.offers.length === 10);
  for (const offer of sink.offers.slice(0, 10)) sink.commit(offer);
  await until("the next ten are delivered", () => sink.offers.length === 20);
  assert.is(sink.offers.length, 20);
  await source.close();
});

nats("what was refused is asked for again once there is room, and not after AckWait", async () => {
  const slow = { ...natsStreamingOptions(), ackWaitSeconds: 3_600 };
  await using transport = await connectToBroker(slow);
  const source = new NatsStreamingSource(slow);
  await withSource(source, async (sink) => {
    await transport.publish(Buffer.from("held"));
    await until("one is held", () => sink.offers.length === 1);
    sink.hasRoom = false;
    for (const text of texts(20)) await transport.publish(Buffer.from(text));
    await until("the rest is refused", () => sink.refusals === 20);
    sink.hasRoom = true;
    await until("it saw that there is room", () => sink.asked > 2);
    assert.is(sink.offers.length, 1, "one is held still");
    sink.commitAll();
    await until("all of it is delivered again", () => sink.offers.length === 21);
    assert.equal(sink.payloads(), ["held", ...texts(20)]);
    // With an empty buffer there is no commit to wait for.
    sink.commitAll();
    sink.hasRoom = false;
    await transport.publish(Buffer.from("later"));
    const { asked } = sink;
    await until("it saw that there is none", () => sink.asked > asked + 2);
    assert.is(sink.refusals, 21);
    sink.hasRoom = true;
    await until("it is delivered again", () => sink.payloads().includes("later"));
    assert.ok(source.health.connected);
  });
});

nats("what is delivered again is counted", async () => {
  let redelivered = 0;
  const counted = { ...natsStreamingOptions(), ackWaitSeconds: 1, onRedelivered: () => redelivered++ };
  await using transport = await connectToBroker(counted);
  await transport.publish(Buffer.from("late"));
  const sink = new TestSink();
  const source = new NatsStreamingSource(counted);
  source.start(sink);
  await until("it is delivered", () => sink.offers.length > 0);
  await until("it is delivered again, since it is not acknowledged", () => sink.offers.length > 1);
  assert.is(redelivered, sink.offers.length - 1);
  await source.close();
});

nats("two members of the queue group share the messages", async () => {
  const shared = natsStreamingOptions();
  const sinks = [new TestSink(), new TestSink()];
  const sources = sinks.map((sink, index) => {
    const source = new NatsStreamingSource({ ...shared, clientId: `${shared.clientId}-${index}` });
    source.start(sink);
    return source;
  });
  await until("both are connected", () => sources.every(({ health }) => health.connected));
  await using transport = await connectToBroker(shared);
  for (let sent = 0; sent < 100; sent++) await transport.publish(Buffer.from(String(sent)));
  await until("all are delivered", () => new Set(sinks.flatMap((sink) => sink.payloads())).size === 100);
  assert.ok(sinks.every((sink) => sink.offers.length > 0));
  for (const source of sources) await source.close();
});

nats("a client id that a living process holds is waited for, and said", async () => {
  const shared = natsStreamingOptions();
  const holder = stan.connect("test-cluster", shared.clientId, { url: shared.url });
  await new Promise((resolve) => holder.once("connect", resolve));
  const source = new NatsStreamingSource(shared);
  source.start(new TestSink());
  await until("it says why", () => /clientID already registered/.test(source.health.reason ?? ""));
  holder.close();
  await until("it takes over", () => source.health.connected);
  await source.close();
});

nats("comes back after the broker was restarted, and after its store was wiped", async () => {
  const program = await findBroker(() => {});
  if (!program) throw new Error("no broker");
  const broker = await NatsStreaming.create(
    program,
    `${environment("WAYBILL_TEST_FOLDER")}/own-broker-${process.pid}`,
  );
  try {
    const options = { ...natsStreamingOptions(), url: broker.url, ackWaitSeconds: 3_600 };
    const publish = async (text: string) => {
      await using transport = await connectToBroker(options);
      await transport.publish(Buffer.from(text));
    };
    const sink = new TestSink();
    const source = new NatsStreamingSource(options);
    source.start(sink);
    const received = (text: string) =>
      until(`${text} is delivered`, () => {
        const found = sink.offers.find(({ message }) => message.payload.toString() === text);
        if (found) sink.commit(found);
        return found;
      });
    await until("connected", () => source.health.connected);
    await publish("before");
    await received("before");

    sink.hasRoom = false;
    await publish("refused before and after");
    await until("it is refused", () => sink.refusals === 1);
    await broker.stop("SIGKILL");
    await until("it notices", () => !source.health.connected);
    await broker.start();
    await until("connected again", () => source.health.connected);
    await until("it is refused again", () => sink.refusals > 1);
    sink.hasRoom = true;
    await received("refused before and after");
    await publish("after the restart");
    await received("after the restart");

    await broker.stop("SIGKILL");
    await broker.wipe();
    await broker.start();
    await until("it notices or is back", () => source.health.connected);
    await publish("first of the new store");
    await received("first of the new store");

    // Sequence 1 twice, for different messages.
    const ids = ["before", "first of the new store"].map(
      (text) =>
        sink.offers.find(({ message }) => message.payload.toString() === text)?.message.messageId ?? "",
    );
    assert.equal(
      ids.map((id) => id.split("-")[0]),
      ["1", "1"],
    );
    assert.is.not(ids[0], ids[1]);
    await source.close();
  } finally {
    await broker.stop("SIGKILL");
  }
});

nats.run();
