/** The JetStream source on a real server, beyond the suite of all sources. */
import { AckPolicy, type JetStreamManager, jetstream, jetstreamManager } from "@nats-io/jetstream";
import { connect, headers, type NatsConnection, nanos } from "@nats-io/transport-node";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type JetStreamOptions, JetStreamSource } from "../../src/inbox/sources/jetstream/jetstream.ts";
import { checkIf } from "../support/check-if.ts";
import { jetStreamOptions, startJetStream, texts, withSource } from "../support/sources.ts";
import { type Offer, TestSink } from "../support/test-sink.ts";
import { until } from "../support/wait.ts";

const suiteOf = suite("jetstream");
const server = await startJetStream();
const check = checkIf(server, suiteOf);
const options = (): JetStreamOptions => jetStreamOptions(server as NonNullable<typeof server>);

type Client = { connection: NatsConnection; manager: JetStreamManager };

async function withClient<T>(work: (client: Client) => Promise<T>, address = server?.address): Promise<T> {
  const connection = await connect({ servers: address as string });
  return await work({ connection, manager: await jetstreamManager(connection) }).finally(() =>
    connection.close(),
  );
}

/** Publishes texts to the stream, and creates it if it does not exist. */
function publish({ stream, newStreamSubject: subject = "" }: JetStreamOptions, texts: readonly string[]) {
  return withClient(async ({ connection, manager }) => {
    await manager.streams
      .info(stream)
      .catch(() => manager.streams.add({ name: stream, subjects: [subject] }));
    for (const text of texts) await jetstream(connection).publish(subject, text);
  });
}

check(
  "while a message is in flight its deadline is extended, so the server does not redeliver it",
  async () => {
    let redelivered = 0;
    const chosen = { ...options(), ackWaitSeconds: 1, onRedelivered: () => redelivered++ };
    await publish(chosen, ["slow"]);
    await withSource(new JetStreamSource(chosen), async (sink) => {
      await until("it is offered", () => sink.offers.length === 1);
      // A consumer that never extends deadlines shows that AckWait passed three times.
      await withClient(async ({ connection, manager }) => {
        const silent = { durable_name: "silent", ack_policy: AckPolicy.Explicit, ack_wait: nanos(1_000) };
        await manager.consumers.add(chosen.stream, silent);
        const messages = await (await jetstream(connection).consumers.get(chosen.stream, "silent")).consume();
        let deliveries = 0;
        for await (const _message of messages) if (++deliveries === 4) break;
      });
      assert.equal([sink.offers.length, redelivered], [1, 0]);
      sink.commitAll();
    });
  },
);

check("what a member held that died comes to another one, and is counted as delivered again", async () => {
  let redelivered = 0;
  const chosen = { ...options(), onRedelivered: () => redelivered++ };
  await publish(chosen, ["held"]);
  const sink = new TestSink();
  const dying = new JetStreamSource(chosen);
  dying.start(sink);
  await until("it is offered", () => sink.offers.length === 1);
  await dying.close();
  await withSource(new JetStreamSource(chosen), async (nextSink) => {
    await until("it is redelivered", () => nextSink.offers.length === 1);
    assert.is(redelivered, 1);
    assert.is(nextSink.offers[0]?.message.messageId, sink.offers[0]?.message.messageId);
  });
});

check("a message that finds no room waits here, and not at the server until AckWait is over", async () => {
  const chosen = { ...options(), ackWaitSeconds: 60 };
  const sink = new TestSink();
  sink.hasRoom = false;
  await withSource(
    new JetStreamSource(chosen),
    async (_sink, source) => {
      await publish(chosen, texts(3));
      await until("they are in flight", () => source.lag === 3);
      assert.is(sink.offers.length, 0);
      sink.hasRoom = true;
      await until("all are there", () => sink.offers.length === 3);
      assert.equal(sink.payloads(), texts(3));
    },
    sink,
  );
});

check("two members share the messages, each one once", async () => {
  const chosen = { ...options(), ackWaitSeconds: 30, inFlightMax: 50 };
  await publish(chosen, texts(200));
  const sinks = [new TestSink(), new TestSink()];
  const sources = sinks.map((sink) => {
    const source = new JetStreamSource(chosen);
    source.start(sink);
    return source;
  });
  await until("all are delivered", () => {
    for (const sink of sinks) sink.commitAll();
    return new Set(sinks.flatMap((sink) => sink.payloads())).size === 200;
  });
  assert.is(sinks.flatMap((sink) => sink.offers).length, 200);
  for (const source of sources) await source.close();
});

check("what was committed right before a source was closed has been acknowledged", async () => {
  const chosen = { ...options(), ackWaitSeconds: 30 };
  await publish(chosen, texts(3_000));
  await withSource(new JetStreamSource(chosen), async (sink) => {
    await until("all are there", () => sink.offers.length === 3_000);
    sink.commitAll();
  });
  const { ack_floor } = await withClient(({ manager }) =>
    manager.consumers.info(chosen.stream, chosen.durable),
  );
  assert.is(ack_floor.stream_seq, 3_000);
});

check("no more messages than the bound are in flight without an acknowledgement", async () => {
  const chosen = { ...options(), inFlightMax: 10, ackWaitSeconds: 30 };
  await publish(chosen, texts(50));
  await withSource(new JetStreamSource(chosen), async (sink) => {
    await until("ten are delivered", () => sink.offers.length === 10);
    for (const offer of sink.offers.slice(0, 10)) sink.commit(offer as Offer);
    await until("the next ten are delivered", () => sink.offers.length === 20);
    assert.is(sink.offers.length, 20);
  });
});

check(
  "headers are stored, with repeated ones and the publisher's id, and the subject if the stream has several",
  async () => {
    const chosen = { ...options(), newStreamSubject: undefined };
    await withClient(async ({ connection, manager }) => {
      await manager.streams.add({ name: chosen.stream, subjects: [`${chosen.stream}.>`] });
      const sent = headers();
      sent.append("Colour", "red");
      sent.append("Colour", "grün");
      await jetstream(connection).publish(`${chosen.stream}.a.b`, "x", {
        headers: sent,
        msgID: "its-own-id",
      });
    });
    await withSource(new JetStreamSource(chosen), async (sink) => {
      await until("it is there", () => sink.offers.length === 1);
      const kept = JSON.parse(sink.offers[0]?.message.headers ?? "");
      assert.is(kept.subject, `${chosen.stream}.a.b`);
      assert.equal(
        kept.headers.map(([name, value]: [string, string]) => [name.toLowerCase(), value]),
        [
          ["colour", "red"],
          ["colour", "grün"],
          ["nats-msg-id", "its-own-id"],
        ],
      );
    });
  },
);

check("a part of a stream is a channel of its own", async () => {
  const chosen = { ...options(), newStreamSubject: undefined };
  await withClient(async ({ connection, manager }) => {
    await manager.streams.add({ name: chosen.stream, subjects: [`${chosen.stream}.>`] });
    for (const part of ["a", "b", "a"]) await jetstream(connection).publish(`${chosen.stream}.${part}`, part);
  });
  const subject = `${chosen.stream}.a`;
  await withSource(new JetStreamSource({ ...chosen, subject }), async (sink, source) => {
    await until("both are there", () => sink.offers.length === 2);
    assert.equal(sink.payloads(), ["a", "a"]);
    assert.is(source.channel, `${chosen.stream}/${subject}`);
  });
});

check("a stream that does not exist is waited for, and not made unless that is wanted", async () => {
  const chosen = { ...options(), newStreamSubject: undefined };
  const sink = new TestSink();
  const source = new JetStreamSource(chosen);
  source.start(sink);
  await until("it says so", () =>
    /stream .* does not exist.*JETSTREAM_CREATE_STREAM/.test(source.health.reason ?? ""),
  );
  await publish({ ...chosen, newStreamSubject: "made-later" }, ["hello"]);
  await until("it is there", () => sink.payloads().includes("hello"));
  await source.close();
});

check(
  "a stream that was deleted and made again has other ids, and a durable that was deleted is made again",
  async () => {
    const chosen = options();
    await publish(chosen, texts(3, "old "));
    await withSource(new JetStreamSource(chosen), async (sink) => {
      await until("the old ones are there", () => sink.offers.length === 3);
      sink.commitAll();
      await withClient(({ manager }) => manager.streams.delete(chosen.stream));
      await publish(chosen, texts(3, "new "));
      await until("the new ones are there", () => sink.payloads().includes("new 2"));
      assert.is(new Set(sink.offers.map(({ message }) => message.messageId)).size, 6);
      assert.equal(
        sink.offers.map(({ message }) => message.messageId.split("-")[0]),
        ["1", "2", "3", "1", "2", "3"],
      );
      sink.commitAll();
      await withClient(({ manager }) => manager.consumers.delete(chosen.stream, chosen.durable));
      await publish(chosen, ["later"]);
      await until("it continues", () => sink.payloads().includes("later"));
    });
  },
);

check("a stream that is made again while nothing finds room is not taken for the old one", async () => {
  const chosen = options();
  // Too large for a second pull, in which the server could report the lost consumer.
  await publish(
    chosen,
    texts(3, "old ").map((text) => text.padEnd(5_000_000)),
  );
  const sink = new TestSink();
  sink.hasRoom = false;
  await withSource(
    new JetStreamSource(chosen),
    async (_sink, source) => {
      await until("the old ones are in flight", () => source.lag === 3);
      await withClient(async ({ manager }) => {
        await manager.streams.delete(chosen.stream);
        await manager.streams.add({ name: chosen.stream, subjects: [chosen.newStreamSubject as string] });
        // Another process already recreated the durable, so the server reports nothing.
        const durable = { durable_name: chosen.durable, ack_policy: AckPolicy.Explicit };
        await manager.consumers.add(chosen.stream, durable);
      });
      await publish(chosen, texts(3, "new "));
      sink.hasRoom = true;
      await until("the new ones are there", () => sink.payloads().includes("new 2"));
      const idsOf = (prefix: string) =>
        new Set(
          sink.offers
            .filter(({ message }) => message.payload.toString().startsWith(prefix))
            .map(({ message }) => message.messageId.split("-")[1]),
        );
      assert.is(idsOf("new ").size, 1);
      for (const created of idsOf("old ")) assert.not.ok(idsOf("new ").has(created));
    },
    sink,
  );
});

check(
  "a durable that is there keeps its place and gets the settings of now; one of another kind is refused",
  async () => {
    const chosen = { ...options(), ackWaitSeconds: 30 };
    await publish(chosen, texts(2));
    await withSource(new JetStreamSource(chosen), async (sink) => {
      await until("they are there", () => sink.offers.length === 2);
      sink.commit(sink.offers[0] as Offer);
    });
    await withSource(new JetStreamSource({ ...chosen, ackWaitSeconds: 1 }), async (sink) => {
      await until("what was not committed is there", () => sink.payloads().includes("1"));
      assert.equal(new Set(sink.payloads()), new Set(["1"]));
      const { config } = await withClient(({ manager }) =>
        manager.consumers.info(chosen.stream, chosen.durable),
      );
      assert.equal([config.ack_wait, config.max_deliver], [nanos(1_000), -1]);
    });
    await withClient(async ({ manager }) => {
      await manager.consumers.add(chosen.stream, { durable_name: "other", ack_policy: AckPolicy.None });
    });
    for (const other of [{ durable: "other" }, { subject: "a.part" }]) {
      const source = new JetStreamSource({ ...chosen, ...other });
      source.start(new TestSink());
      await until("it is said", () =>
        /set JETSTREAM_DURABLE to another name/.test(source.health.reason ?? ""),
      );
      await source.close();
    }
  },
);

check("large messages one after another do not get stuck in a pull", async () => {
  const chosen = options();
  await withClient(async ({ connection, manager }) => {
    await manager.streams.add({ name: chosen.stream, subjects: [chosen.newStreamSubject as string] });
    for (let size = 1; size <= 7; size++) {
      await jetstream(connection).publish(
        chosen.newStreamSubject as string,
        Buffer.alloc(size * 1_100_000, size),
      );
    }
  });
  await withSource(new JetStreamSource(chosen), async (sink) => {
    // A slow machine loses the connection for a moment, and then some come twice.
    const payloads = () => new Map(sink.offers.map(({ message }) => [message.messageId, message.payload]));
    await until("all are there", () => {
      sink.commitAll();
      return payloads().size === 7;
    });
    const bySize = [...payloads().values()].sort((one, other) => one.length - other.length);
    for (const [index, payload] of bySize.entries()) {
      assert.ok(payload.equals(Buffer.alloc((index + 1) * 1_100_000, index + 1)));
    }
  });
});

check("what waits at the server is counted", async () => {
  const chosen = options();
  await publish(chosen, texts(30));
  await withSource(new JetStreamSource({ ...chosen, inFlightMax: 10 }), async (_sink, source) => {
    assert.is(source.lag, 30);
  });
});

check("comes back after the server was killed, with every payload as it was", async () => {
  const server = await startJetStream();
  if (!server) throw new Error("no server");
  try {
    const chosen = jetStreamOptions(server);
    const sink = new TestSink();
    const source = new JetStreamSource(chosen);
    source.start(sink);
    await until("connected", () => source.health.connected);
    const send = (text: string) =>
      withClient(
        ({ connection }) => jetstream(connection).publish(chosen.newStreamSubject as string, text),
        server.address,
      );
    await send("before");
    await until("it is there", () => sink.payloads().includes("before"));
    await server.stop("SIGKILL");
    await until("it notices", () => !source.health.connected);
    await server.start();
    await until("connected again", () => source.health.connected);
    await until("it is redelivered", () => sink.payloads().filter((text) => text === "before").length === 2);
    sink.commitAll();
    await send("after");
    await until("and the next one", () => sink.payloads().includes("after"));
    assert.is(new Set(sink.offers.map(({ message }) => message.messageId)).size, 2);
    await source.close();
  } finally {
    await server.stop("SIGKILL");
  }
});

suiteOf.after(async () => {
  await server?.stop("SIGKILL");
});
suiteOf.run();
