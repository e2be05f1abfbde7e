/** JetStream: limits of an account, a stream and a server, and settings that the server rejects. */
import { AckPolicy, type JetStreamManager, jetstream, jetstreamManager } from "@nats-io/jetstream";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import pino from "pino";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type JetStreamOptions, JetStreamSource } from "../../src/inbox/sources/jetstream/jetstream.ts";
import { natsConnectionOptions } from "../../src/inbox/sources/jetstream/nats-connection.ts";
import { checkIf } from "../support/check-if.ts";
import { jetStreamOptions, startJetStream, texts, withSource } from "../support/sources.ts";
import { TestSink } from "../support/test-sink.ts";
import { until } from "../support/wait.ts";

type Given = Readonly<{
  chosen: JetStreamOptions;
  connection: NatsConnection;
  manager: JetStreamManager;
  /** The durable's current window. */
  window: () => Promise<number | undefined>;
}>;

const limits = suite("jetstream limits");
const started = new AsyncDisposableStack();

/** One server limits an account to 100 unacknowledged messages, the other limits all accounts. */
const ofAccount = await startJetStream(
  "accounts { A: { jetstream: { max_ack_pending: 100 }, users: [{ user: a, password: b }] } }",
);
if (ofAccount) started.defer(() => ofAccount.stop("SIGKILL"));
const ofServer = await startJetStream("jetstream: { limits: { max_ack_pending: 100 } }");
if (ofServer) started.defer(() => ofServer.stop("SIGKILL"));

async function at(server: typeof ofAccount, login: string, work: (given: Given) => Promise<void>) {
  const { address } = server as NonNullable<typeof server>;
  const chosen = {
    ...jetStreamOptions(server as NonNullable<typeof server>),
    url: `nats://${login}${address}`,
    // Longer than the test, so that nothing is redelivered.
    ackWaitSeconds: 60,
  };
  const connection = await connect(natsConnectionOptions(chosen));
  const manager = await jetstreamManager(connection);
  const window = async () =>
    (await manager.consumers.info(chosen.stream, chosen.durable)).config.max_ack_pending;
  await work({ chosen, connection, manager, window }).finally(() => connection.close());
}

/** Servers support a stream's own limit since 2.10. */
async function knowsLimitsOfStreams(): Promise<boolean> {
  if (!ofServer) return false;
  const connection = await connect({ servers: ofServer.address });
  const [major = 0, minor = 0] = (connection.info?.version ?? "").split(".").map(Number);
  await connection.close();
  return major > 2 || (major === 2 && minor >= 10);
}

const deliversAll = (chosen: JetStreamOptions, window: number, count: number) =>
  withSource(new JetStreamSource(chosen), async (sink) => {
    await until("a window is delivered", () => sink.offers.length === window);
    await until("everything is delivered", () => {
      sink.commitAll();
      return sink.offers.length === count;
    });
  });

checkIf(ofAccount, limits)("the window follows the limit of the account, also of a durable that exists", () =>
  at(ofAccount, "a:b@", async ({ chosen, connection, manager, window }) => {
    const subject = chosen.newStreamSubject as string;
    await manager.streams.add({ name: chosen.stream, subjects: [subject] });
    for (const text of texts(150)) await jetstream(connection).publish(subject, text);
    await deliversAll(chosen, 100, 150);
    assert.is(await window(), 100);
    await withSource(new JetStreamSource({ ...chosen, inFlightMax: 20 }), async () => {
      assert.is(await window(), 20, "a smaller window stays as it is");
    });
    await withSource(new JetStreamSource(chosen), async () => {
      assert.is(await window(), 100);
    });
  }),
);

checkIf(await knowsLimitsOfStreams(), limits)("the window follows the limit of the stream", () =>
  at(ofAccount, "a:b@", async ({ chosen, manager, window }) => {
    await manager.streams.add({
      name: chosen.stream,
      subjects: [chosen.newStreamSubject as string],
      consumer_limits: { max_ack_pending: 50 },
    });
    await withSource(new JetStreamSource(chosen), async () => {
      assert.is(await window(), 50);
    });
  }),
);

checkIf(ofServer, limits)("a limit of the whole server, which no answer names, is found", () =>
  at(ofServer, "", async ({ chosen, window }) => {
    await withSource(new JetStreamSource(chosen), async () => {
      const found = (await window()) ?? 0;
      assert.ok(found > 50 && found <= 100, String(found));
    });
  }),
);

checkIf(ofServer, limits)("settings that the server refuses are an error, and retried", () =>
  at(ofServer, "", async ({ chosen, manager }) => {
    const lines: { level: number; msg: string; reason: string }[] = [];
    const logger = pino({ level: "warn" }, { write: (line: string) => lines.push(JSON.parse(line)) });
    await manager.streams.add({
      name: chosen.stream,
      subjects: [chosen.newStreamSubject as string],
      max_consumers: 1,
    });
    const holder = { durable_name: "holder", ack_policy: AckPolicy.Explicit, max_ack_pending: 1 };
    await manager.consumers.add(chosen.stream, holder);
    const source = new JetStreamSource({ ...chosen, logger });
    source.start(new TestSink());
    await until("it is said", () => lines.length > 0);
    assert.is(lines[0]?.msg, "the broker refuses the settings of the source; retrying");
    assert.match(lines[0]?.reason ?? "", /maximum consumers/);
    await manager.consumers.delete(chosen.stream, "holder");
    await until("it is connected", () => source.health.connected);
    await source.close();
  }),
);

limits.after(() => started.disposeAsync());
limits.run();
