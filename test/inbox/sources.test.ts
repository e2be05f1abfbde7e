/** The suite that every source must pass, each against its real broker. */
import { type AddressInfo, createServer, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Source } from "../../src/contract/source.ts";
import { HttpSource } from "../../src/inbox/sources/http.ts";
import { JetStreamSource } from "../../src/inbox/sources/jetstream/jetstream.ts";
import { KafkaSource } from "../../src/inbox/sources/kafka/kafka.ts";
import { NatsStreamingSource } from "../../src/inbox/sources/nats-streaming/nats-streaming.ts";
import { createLogger } from "../../src/telemetry/logger.ts";
import { connectToJetStream } from "../../tools/publisher/jetstream.ts";
import { connectToKafka } from "../../tools/publisher/kafka.ts";
import { connectToBroker, type Transport } from "../../tools/publisher/transport.ts";
import { checkIf } from "../support/check-if.ts";
import {
  jetStreamOptions,
  kafkaOptions,
  natsStreamingOptions,
  sharedKafka,
  startJetStream,
} from "../support/sources.ts";
import { type Offer, TestSink } from "../support/test-sink.ts";
import { until } from "../support/wait.ts";

const OPTIONS_OF_NOBODY = { clientId: "nobody", logger: createLogger("silent") };

type Kind = Readonly<{
  name: string;
  /** Whether a broker stores messages; an ingress answers after the commit. */
  isStored: boolean;
  hasHeaders: boolean;
  /** Whether a message without room waits in the source, with those behind it. */
  keepsOrder: boolean;
  /** `open` returns a source of one channel; each call is a restart. */
  create: () => Readonly<{ open: () => Source; connect: (source: Source) => Promise<Transport> }>;
}>;

const started = new AsyncDisposableStack();
const kafka = sharedKafka();
const jetStream = await startJetStream();
if (jetStream) started.defer(() => jetStream.stop("SIGKILL"));

const kinds: (Kind & { isThere: boolean })[] = [
  {
    name: "nats-streaming",
    isThere: true,
    isStored: true,
    hasHeaders: false,
    keepsOrder: false,
    create: () => {
      const options = natsStreamingOptions();
      return { open: () => new NatsStreamingSource(options), connect: () => connectToBroker(options) };
    },
  },
  {
    name: "http",
    isThere: true,
    isStored: false,
    hasHeaders: false,
    keepsOrder: false,
    create: () => ({
      open: () => new HttpSource({ channel: "orders", hasPayload: async () => true }),
      connect: async (source) => ({
        publish: async (payload, { traceparent } = {}) => {
          await (source as HttpSource).receive({ payload, traceparent });
        },
        [Symbol.asyncDispose]: async () => {},
      }),
    }),
  },
  {
    name: "kafka",
    isThere: kafka !== undefined,
    isStored: true,
    hasHeaders: true,
    keepsOrder: true,
    create: () => {
      // One partition, because order is told by offsets.
      const options = { ...kafkaOptions(kafka as NonNullable<typeof kafka>), newTopicPartitions: 1 };
      return {
        open: () => new KafkaSource(options),
        connect: () => connectToKafka({ ...options, tls: undefined, sasl: undefined }),
      };
    },
  },
  {
    name: "jetstream",
    isThere: jetStream !== undefined,
    isStored: true,
    hasHeaders: true,
    keepsOrder: true,
    create: () => {
      const options = jetStreamOptions(jetStream as NonNullable<typeof jetStream>);
      return {
        open: () => new JetStreamSource(options),
        connect: () => connectToJetStream({ ...options, tls: undefined, credentials: undefined }),
      };
    },
  },
];

for (const kind of kinds) {
  const conforms = suite(`source ${kind.name}`);
  const check = checkIf(kind.isThere, conforms);

  /** Successive lives of one source, each with its own inbox. */
  const withLives = async (
    ...lives: ((
      sink: TestSink,
      send: (payload: Buffer | string, traceparent?: string) => Promise<void>,
      source: Source,
    ) => Promise<void>)[]
  ) => {
    const { open, connect } = kind.create();
    for (const live of lives) {
      const source = open();
      const sink = new TestSink();
      source.start(sink);
      await until("the source is connected", () => source.health.connected);
      const transport = await connect(source);
      try {
        await live(
          sink,
          (payload, traceparent) => transport.publish(Buffer.from(payload), { traceparent }),
          source,
        );
      } finally {
        await transport[Symbol.asyncDispose]();
        await source.stop();
        await source.close();
      }
    }
  };
  const offered = (sink: TestSink, text: string) =>
    until(`"${text}" is offered`, () =>
      sink.offers.find(({ message }) => message.payload.toString() === text),
    ) as Promise<Offer>;

  check("delivers every payload byte for byte, with a source, a channel, an id and a time", () =>
    withLives(async (sink, send) => {
      const payloads = [
        Buffer.alloc(0),
        Buffer.from([0, 1, 0xfe, 0xff]),
        Buffer.from('{"a":"é\u{1f600}"}'),
        Buffer.alloc(200_000, 9),
        Buffer.alloc(5_000_000, 7),
      ];
      const sending = payloads.map((payload) => send(payload));
      await until("all are offered", () => sink.offers.length === payloads.length);
      sink.commitAll();
      await Promise.all(sending);
      for (const payload of payloads) {
        const found = sink.offers.find(({ message }) => message.payload.equals(payload));
        assert.ok(found, `${payload.length} bytes are missing`);
        assert.is(found?.message.source, kind.name);
        assert.ok(found?.message.channel && found.message.messageId);
        assert.ok(Math.abs(Date.now() - (found?.message.publishedAtMs ?? 0)) < 60_000);
      }
      assert.is(new Set(sink.offers.map(({ message }) => message.messageId)).size, payloads.length);
    }),
  );

  if (kind.isStored) {
    check(
      "invariant 1: an uncommitted message is redelivered under the same id; a committed one is not",
      async () => {
        const ids: string[] = [];
        await withLives(
          async (sink, send) => {
            await send("committed");
            sink.commit(await offered(sink, "committed"));
            await send("not committed");
            ids.push((await offered(sink, "not committed")).message.messageId);
          },
          async (sink) => {
            const again = await offered(sink, "not committed");
            ids.push(again.message.messageId);
            sink.commit(again);
          },
          async (sink, send) => {
            await send("the next");
            await offered(sink, "the next");
            assert.equal(sink.payloads(), ["the next"]);
          },
        );
        assert.is(ids[0], ids[1]);
      },
    );

    check("what is committed out of order loses nothing that was before it", () =>
      withLives(
        async (sink, send) => {
          for (const text of ["one", "two", "three"]) await send(text);
          for (const text of ["two", "three"]) sink.commit(await offered(sink, text));
        },
        async (sink) => {
          await offered(sink, "one");
        },
      ),
    );

    check("a message that found no room comes later, and where the source keeps it, in its place", () =>
      withLives(async (sink, send) => {
        sink.hasRoom = false;
        await send("first");
        await send("second");
        sink.hasRoom = true;
        await offered(sink, "first");
        await offered(sink, "second");
        if (kind.keepsOrder) assert.equal(sink.payloads(), ["first", "second"]);
      }),
    );

    check("messages sent while no source runs are delivered afterwards", async () => {
      const { open, connect } = kind.create();
      const listening = open();
      listening.start(new TestSink());
      await until("it is subscribed", () => listening.health.connected);
      await listening.close();
      const transport = await connect(listening);
      await transport.publish(Buffer.from("meanwhile"));
      await transport[Symbol.asyncDispose]();
      const sink = new TestSink();
      const source = open();
      source.start(sink);
      await offered(sink, "meanwhile");
      await source.close();
    });
  } else {
    check("invariant 1: the sender is told after the commit and not before", () =>
      withLives(async (sink, send) => {
        let isTold = false;
        const sending = send("one").then(() => {
          isTold = true;
        });
        const offer = await offered(sink, "one");
        await new Promise((resolve) => setImmediate(resolve));
        assert.not(isTold);
        sink.commit(offer);
        await sending;
      }),
    );

    check("the sender of a message that found no room is told", () =>
      withLives(async (sink, send) => {
        sink.hasRoom = false;
        const outcome = await send("later").then(
          () => "stored",
          () => "refused",
        );
        assert.is(outcome, "refused");
      }),
    );
  }

  check("takes nothing any more once it is stopped, and still acknowledges what it took before", () =>
    withLives(
      async (sink, send, source) => {
        const first = send("before");
        const offer = await offered(sink, "before");
        await source.stop();
        await send("after").catch(() => {});
        sink.commit(offer);
        await first;
        assert.equal(sink.payloads(), ["before"]);
      },
      async (sink) => {
        if (!kind.isStored) return;
        await offered(sink, "after");
        assert.equal(sink.payloads(), ["after"]);
      },
    ),
  );

  if (kind.hasHeaders) {
    check("headers are stored with their message, and a trace context among them is continued", () =>
      withLives(async (sink, send) => {
        const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        await send("traced", traceparent);
        const { message } = await offered(sink, "traced");
        assert.is(message.traceparent, traceparent);
        assert.equal(JSON.parse(message.headers ?? "{}").headers, [["traceparent", traceparent]]);
        await send("not traced", "nonsense");
        const { message: other } = await offered(sink, "not traced");
        assert.is(other.traceparent, undefined);
      }),
    );
  }

  conforms.after(async () => {
    if (kind === kinds.at(-1)) await started.disposeAsync();
  });
  conforms.run();
}

const silent = suite("a broker that answers nothing");

for (const [name, open] of [
  [
    "nats-streaming",
    (at: string) => new NatsStreamingSource({ ...natsStreamingOptions(), url: `nats://${at}` }),
  ],
  [
    "kafka",
    (at: string) =>
      new KafkaSource({
        ...OPTIONS_OF_NOBODY,
        brokers: [at],
        groupId: "g",
        groupProtocol: "auto",
        newTopicPartitions: 1,
        topic: "t",
        noteGap: async () => {},
      }),
  ],
  [
    "jetstream",
    (at: string) =>
      new JetStreamSource({
        ...OPTIONS_OF_NOBODY,
        url: `nats://${at}`,
        stream: "s",
        subject: undefined,
        durable: "d",
        ackWaitSeconds: 1,
        newStreamSubject: "s",
      }),
  ],
] as const) {
  silent(`${name}: it is said, tried again, and does not keep the source from closing`, async () => {
    const connections: Socket[] = [];
    const server = createServer((socket) => {
      connections.push(socket);
      socket.on("error", () => {});
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const source = open(`127.0.0.1:${(server.address() as AddressInfo).port}`);
    source.start(new TestSink());
    await until("it is tried a second time", () => connections.length > 1);
    assert.not(source.health.connected);
    assert.ok(source.health.reason);
    await source.stop();
    await Promise.race([
      source.close(),
      delay(CLOSE_MS_MAX).then(() => assert.unreachable(`it has not closed within ${CLOSE_MS_MAX} ms`)),
    ]);
    server.close();
    for (const socket of connections) socket.destroy();
  });
}

/** A few seconds on a quiet machine. */
const CLOSE_MS_MAX = 30_000;

silent.run();
