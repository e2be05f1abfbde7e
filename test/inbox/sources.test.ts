/** One suite that every source has to pass, and what only one of them has to. */
import stan from "node-nats-streaming";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Message, Receipt } from "../../src/inbox/message.ts";
import { HttpSource } from "../../src/inbox/sources/http.ts";
import { NatsStreamingSource } from "../../src/inbox/sources/nats-streaming.ts";
import type { Sink, Source } from "../../src/inbox/sources/source.ts";
import { createLogger } from "../../src/telemetry/logger.ts";
import { connectToBroker } from "../../tools/publisher/transport.ts";
import { findBroker, NatsStreaming } from "../../tools/stack/nats-streaming.ts";
import { environment } from "../support/database.ts";
import { brokerEnvironment } from "../support/service.ts";
import { until } from "../support/wait.ts";

/** Stands for the inbox: keeps what it is offered until the test commits it. */
class TestSink implements Sink {
  failure: string | undefined;
  hasRoom = true;
  readonly offers: { message: Message; committed: (receipt: Receipt) => void }[] = [];
  readonly positions = new Map<string, bigint>();

  offer(message: Message, committed: (receipt: Receipt) => void): boolean {
    if (this.hasRoom) this.offers.push({ message, committed });
    return this.hasRoom;
  }

  hasRoomFor(): boolean {
    return this.hasRoom;
  }

  commit(offer: { message: Message; committed: (receipt: Receipt) => void }): void {
    const { messageId } = offer.message;
    const known = this.positions.get(messageId);
    const position = known ?? BigInt(this.positions.size + 1);
    this.positions.set(messageId, position);
    offer.committed({ position, isNew: known === undefined });
  }

  payloads(): string[] {
    return this.offers.map(({ message }) => message.payload.toString());
  }
}

/** What the suite needs of a kind of source. */
type Kind = {
  name: string;
  create: () => Source;
  /** Sends one message; resolves when the sender was told that it is taken. */
  send: (source: Source, payload: Buffer) => Promise<unknown>;
  /** Whether the sender is told at once (a broker stores) or only after the commit (an ingress answers). */
  isStored: boolean;
};

const ACK_WAIT_SECONDS = 1;
const logger = createLogger("silent");

function natsOptions() {
  const names = brokerEnvironment();
  return {
    url: environment("WAYBILL_TEST_NATS_URL"),
    clusterId: "test-cluster",
    clientId: names.STAN_CLIENT_ID as string,
    channel: names.STAN_CHANNEL as string,
    durable: names.STAN_DURABLE as string,
    queueGroup: "waybill",
    logger,
    ackWaitSeconds: ACK_WAIT_SECONDS,
  };
}

let options = natsOptions();
const kinds: Kind[] = [
  {
    name: "nats-streaming",
    create: () => {
      options = natsOptions();
      return new NatsStreamingSource(options);
    },
    send: async (_source, payload) => {
      await using transport = await connectToBroker({ ...options, channel: options.channel });
      await transport.publish(payload);
    },
    isStored: true,
  },
  {
    name: "http",
    create: () => new HttpSource({ channel: "orders", hasPayload: async () => true }),
    send: (source, payload) => (source as HttpSource).receive(payload, undefined),
    isStored: false,
  },
];

for (const kind of kinds) {
  const conforms = suite(`source ${kind.name}`);

  const withSource = async (work: (source: Source, sink: TestSink) => Promise<void>) => {
    const source = kind.create();
    const sink = new TestSink();
    source.start(sink);
    await until("the source is connected", () => source.health.connected);
    await work(source, sink);
    await source.stop();
    await source.close();
  };

  conforms("delivers every payload byte for byte, with a source, a channel, an id and a time", () =>
    withSource(async (source, sink) => {
      const payloads = [
        Buffer.alloc(0),
        Buffer.from([0, 1, 0xfe, 0xff]),
        Buffer.from('{"a":"é\u{1f600}"}'),
        Buffer.alloc(200_000, 9),
      ];
      const sending = payloads.map((payload) => kind.send(source, payload));
      await until("all are offered", () => sink.offers.length === payloads.length);
      for (const offer of sink.offers) sink.commit(offer);
      await Promise.all(sending);
      for (const payload of payloads) {
        const found = sink.offers.find(({ message }) => message.payload.equals(payload));
        assert.ok(found, `${payload.length} bytes are missing`);
        assert.is(found?.message.source, kind.name);
        assert.ok(found?.message.channel && found.message.messageId);
        assert.ok(Math.abs(Date.now() - (found?.message.publishedAt ?? 0)) < 60_000);
      }
      assert.is(new Set(sink.offers.map(({ message }) => message.messageId)).size, payloads.length);
    }),
  );

  conforms("invariant 1: acknowledges after the commit and not before", () =>
    withSource(async (source, sink) => {
      let isTold = false;
      const sending = kind.send(source, Buffer.from("one")).then(() => {
        isTold = true;
      });
      await until("it is offered", () => sink.offers.length > 0);
      if (kind.isStored) {
        await sending;
        // Not acknowledged, so it comes again; acknowledged, so it comes no more.
        await until("it comes again", () => sink.offers.length > 1);
        sink.commit(sink.offers.at(-1) as (typeof sink.offers)[0]);
        const marker = sink.offers.length;
        await kind.send(source, Buffer.from("two"));
        await until(
          "the next message came twice",
          () =>
            sink
              .payloads()
              .slice(marker)
              .filter((text) => text === "two").length > 1,
        );
        assert.not.ok(
          sink.payloads().slice(marker).includes("one"),
          "it came again after its acknowledgement",
        );
      } else {
        await new Promise((resolve) => setImmediate(resolve));
        assert.not(isTold);
        sink.commit(sink.offers[0] as (typeof sink.offers)[0]);
        await sending;
      }
    }),
  );

  conforms("a message that found no room is not lost: it comes again, or its sender is told", () =>
    withSource(async (source, sink) => {
      sink.hasRoom = false;
      const outcome = await kind.send(source, Buffer.from("later")).then(
        () => "stored",
        () => "refused",
      );
      assert.is(outcome, kind.isStored ? "stored" : "refused");
      sink.hasRoom = true;
      if (!kind.isStored) return;
      await until("it comes again", () => sink.payloads().includes("later"));
      sink.commit(sink.offers.at(-1) as (typeof sink.offers)[0]);
    }),
  );

  conforms("takes nothing any more once it is stopped, and still acknowledges what it took before", () =>
    withSource(async (source, sink) => {
      const first = kind.send(source, Buffer.from("before"));
      await until("it is offered", () => sink.offers.length === 1);
      await source.stop();
      await kind.send(source, Buffer.from("after")).catch(() => {});
      sink.commit(sink.offers[0] as (typeof sink.offers)[0]);
      await first;
      assert.equal(sink.payloads(), ["before"]);
    }),
  );

  conforms.run();
}

const nats = suite("nats-streaming only");

nats("the durable survives: what is published while nobody listens is delivered afterwards", async () => {
  const shared = natsOptions();
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
  sink.commit(sink.offers.at(-1) as (typeof sink.offers)[0]);
  await second.close();
});

nats("no more messages than the bound are in flight without an acknowledgement", async () => {
  const bounded = { ...natsOptions(), inFlightMax: 10, ackWaitSeconds: 30 };
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

nats("what is delivered again is counted", async () => {
  let redelivered = 0;
  const counted = { ...natsOptions(), onRedelivered: () => redelivered++ };
  await using transport = await connectToBroker(counted);
  await transport.publish(Buffer.from("late"));
  const sink = new TestSink();
  const source = new NatsStreamingSource(counted);
  source.start(sink);
  await until("it is delivered", () => sink.offers.length === 1);
  assert.is(redelivered, 0);
  await until("it is delivered again, since nobody has acknowledged it", () => sink.offers.length === 2);
  assert.is(redelivered, 1);
  await source.close();
});

nats("two members of the queue group share the messages", async () => {
  const shared = natsOptions();
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
  const shared = natsOptions();
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
    const own = { ...natsOptions(), url: broker.url };
    const publish = async (text: string) => {
      await using transport = await connectToBroker(own);
      await transport.publish(Buffer.from(text));
    };
    const sink = new TestSink();
    const source = new NatsStreamingSource(own);
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

    await broker.stop("SIGKILL");
    await until("it notices", () => !source.health.connected);
    await broker.start();
    await until("connected again", () => source.health.connected);
    await publish("after the restart");
    await received("after the restart");

    await broker.stop("SIGKILL");
    await broker.wipe();
    await broker.start();
    await until("it notices or is back", () => source.health.connected);
    await publish("first of the new store");
    await received("first of the new store");

    // Sequence 1 again, and yet another message.
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

const http = suite("http only");

http("the same key at the same time: the second waits and gets the first one's position", async () => {
  const sink = new TestSink();
  const source = new HttpSource({ channel: "orders", hasPayload: async () => true });
  source.start(sink);
  const first = source.receive(Buffer.from("a"), "key");
  const second = source.receive(Buffer.from("a"), "key");
  await until("one is offered", () => sink.offers.length === 1);
  sink.commit(sink.offers[0] as (typeof sink.offers)[0]);
  await until("the other is offered", () => sink.offers.length === 2);
  sink.commit(sink.offers[1] as (typeof sink.offers)[0]);
  assert.equal(await Promise.all([first, second]), [1n, 1n]);
});

http("with the database away the sender is told at once", async () => {
  const sink = new TestSink();
  sink.failure = "the database is away";
  const source = new HttpSource({ channel: "orders", hasPayload: async () => true });
  source.start(sink);
  await source.receive(Buffer.from("a"), undefined).then(
    () => assert.unreachable(),
    (error: Error) => assert.is(error.message, "the database is away"),
  );
});

http.run();
