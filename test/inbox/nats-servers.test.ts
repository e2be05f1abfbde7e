/** Parsing URLs of NATS servers, and connections to real ones. */
import { connect, createServer } from "node:net";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { JetStreamSource } from "../../src/inbox/sources/jetstream/jetstream.ts";
import { hostAndPort, natsServers } from "../../src/inbox/sources/nats-servers.ts";
import { NatsStreamingSource } from "../../src/inbox/sources/nats-streaming/nats-streaming.ts";
import { connectToBroker } from "../../tools/publisher/transport.ts";
import { findBroker, NatsStreaming } from "../../tools/stack/nats-streaming.ts";
import { freePort } from "../../tools/stack/ports.ts";
import { checkIf } from "../support/check-if.ts";
import { environment } from "../support/database.ts";
import { jetStreamOptions, natsStreamingOptions, startJetStream, withSource } from "../support/sources.ts";
import { TestSink } from "../support/test-sink.ts";
import { until } from "../support/wait.ts";

const servers = suite("nats servers");
const started = new AsyncDisposableStack();

/** Every character that a URL must encode, and those at which the library splits. */
const PASSWORD = "p@ss:w/o%rd?#é";
const encoded = encodeURIComponent(PASSWORD);

const program = await findBroker(() => {});
if (!program) throw new Error("no broker");
const folder = join(environment("WAYBILL_TEST_FOLDER"), `nats-servers-${process.pid}`);
const locked = await NatsStreaming.create(program, folder, ["-user", "way:bill", "-pass", PASSWORD]);
started.defer(() => locked.stop("SIGKILL"));
const jetStream = await startJetStream(
  `authorization { user: "way:bill", password: ${JSON.stringify(PASSWORD)} }`,
);
if (jetStream) started.defer(() => jetStream.stop("SIGKILL"));

/** A port of the IPv6 loopback address that forwards to IPv4; undefined without IPv6. */
async function relayFromIpv6(port: number): Promise<number | undefined> {
  const relay = createServer((socket) => {
    const other = connect(port, "127.0.0.1");
    socket.pipe(other).pipe(socket);
    for (const end of [socket, other]) end.on("error", () => {});
  });
  const listening = await freePort();
  const isListening = await new Promise<boolean>((resolve) => {
    relay.once("error", () => resolve(false));
    relay.listen(listening, "::1", () => resolve(true));
  });
  if (!isListening) return undefined;
  relay.unref();
  return listening;
}

const portOf = (address: string) => Number(address.split(":").at(-1));
const ipv6 = await relayFromIpv6(locked.port);
const ipv6OfJetStream = jetStream && (await relayFromIpv6(portOf(jetStream.address)));

servers("credentials are decoded, ports have a default, addresses lose their brackets", () => {
  const [first, second, third] = natsServers(
    `nats://way%3Abill:${encoded}@one, tls://[::1]:5222,nats://s3cr%20et@three:6222`,
  );
  const credentials = { user: "way:bill", pass: PASSWORD };
  assert.equal(first, { isTls: false, host: "one", port: 4222, credentials });
  assert.equal(second, { isTls: true, host: "::1", port: 5222, credentials });
  assert.equal(third?.credentials, { token: "s3cr et" });
  assert.equal(
    [first, second].map((server) => hostAndPort(server as typeof first)),
    ["one:4222", "[::1]:5222"],
  );
});

const withNatsStreaming = async (url: string) => {
  const options = { ...natsStreamingOptions(), url };
  await withSource(new NatsStreamingSource(options), async (sink) => {
    await using transport = await connectToBroker(options);
    await transport.publish(Buffer.from("hello"));
    await until("it is delivered", () => sink.payloads().includes("hello"));
  });
};

servers("nats-streaming: an encoded user and password get in", () =>
  withNatsStreaming(`nats://way%3Abill:${encoded}@${locked.address}`),
);

servers("nats-streaming: a wrong password is said, and neither is part of the reason", async () => {
  const url = `nats://way%3Abill:wrong-${encoded}@${locked.address}`;
  const source = new NatsStreamingSource({ ...natsStreamingOptions(), url });
  source.start(new TestSink());
  await until("it is said", () => /authorization/i.test(source.health.reason ?? ""));
  assert.not.match(source.health.reason ?? "", /p@ss|p%40ss/);
  await source.close();
});

servers("nats-streaming: of several servers the unreachable ones are skipped", async () => {
  const nobody = `127.0.0.1:${await freePort()}`;
  await withNatsStreaming(`nats://way%3Abill:${encoded}@${nobody},nats://${locked.address}`);
});

checkIf(ipv6 !== undefined, servers)("nats-streaming: an IPv6 address", () =>
  withNatsStreaming(`nats://way%3Abill:${encoded}@[::1]:${ipv6}`),
);

checkIf(jetStream !== undefined && ipv6OfJetStream !== undefined, servers)(
  "jetstream: an encoded user and password, an IPv6 address, and an unreachable server",
  async () => {
    const nobody = `127.0.0.1:${await freePort()}`;
    const options = jetStreamOptions(jetStream as NonNullable<typeof jetStream>);
    for (const address of [
      jetStream?.address,
      `[::1]:${ipv6OfJetStream}`,
      `${nobody},nats://${jetStream?.address}`,
    ]) {
      const url = `nats://way%3Abill:${encoded}@${address}`;
      await withSource(new JetStreamSource({ ...options, url }), async () => {});
    }
  },
);

servers.after(() => started.disposeAsync());
servers.run();
