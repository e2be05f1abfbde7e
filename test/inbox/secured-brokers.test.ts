/** Kafka and JetStream behind TLS and a password: correct credentials connect, wrong ones are reported and retried. */
import { execFile, spawnSync } from "node:child_process";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Source } from "../../src/contract/source.ts";
import { JetStreamSource } from "../../src/inbox/sources/jetstream/jetstream.ts";
import type { KafkaOptions } from "../../src/inbox/sources/kafka/cluster.ts";
import { KafkaSource } from "../../src/inbox/sources/kafka/kafka.ts";
import { connectToJetStream } from "../../tools/publisher/jetstream.ts";
import { connectToKafka } from "../../tools/publisher/kafka.ts";
import type { Transport } from "../../tools/publisher/transport.ts";
import { freePort } from "../../tools/stack/ports.ts";
import { checkIf } from "../support/check-if.ts";
import { environment } from "../support/database.ts";
import { jetStreamOptions, kafkaOptions, startJetStream, startKafka } from "../support/sources.ts";
import { TestSink } from "../support/test-sink.ts";
import { until } from "../support/wait.ts";

const secured = suite("secured brokers");
const started = new AsyncDisposableStack();
const PASSWORD = "right-password-of-the-test";
/** Skipped without the program. */
const hasOpenssl = spawnSync("openssl", ["version"]).status === 0;
const { folder, ...tls } = hasOpenssl ? await makeCertificate() : { ca: "", cert: "", key: "", folder: "" };

/** A self-signed key and certificate for the loopback address, for brokers and clients. */
async function makeCertificate(): Promise<{ ca: string; cert: string; key: string; folder: string }> {
  const folder = join(environment("WAYBILL_TEST_FOLDER"), "certificate");
  await mkdir(folder, { recursive: true });
  const file = (name: string) => join(folder, name);
  const files = ["-keyout", file("key.pem"), "-out", file("cert.pem")];
  const subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"];
  await promisify(execFile)("openssl", [
    ...["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"],
    ...files,
    ...subject,
  ]);
  const [key, ca] = await Promise.all([
    readFile(file("key.pem"), "utf8"),
    readFile(file("cert.pem"), "utf8"),
  ]);
  await writeFile(file("keystore.pem"), key + ca);
  return { ca, cert: ca, key, folder };
}

const securePort = await freePort();
const login = "org.apache.kafka.common.security";
const kafkaSettings = {
  listener: { protocol: "SASL_SSL", port: securePort },
  scram: [
    `SCRAM-SHA-256=[name=waybill,password=${PASSWORD}]`,
    `SCRAM-SHA-512=[name=waybill,password=${PASSWORD}]`,
  ],
  properties: {
    "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512",
    "ssl.keystore.type": "PEM",
    "ssl.keystore.location": join(folder, "keystore.pem"),
    "ssl.truststore.type": "PEM",
    "ssl.truststore.location": join(folder, "cert.pem"),
    // SASL listeners need the prefix.
    "listener.name.sasl_ssl.ssl.client.auth": "required",
    "listener.name.sasl_ssl.plain.sasl.jaas.config": `${login}.plain.PlainLoginModule required user_waybill="${PASSWORD}";`,
    "listener.name.sasl_ssl.scram-sha-256.sasl.jaas.config": `${login}.scram.ScramLoginModule required;`,
    "listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config": `${login}.scram.ScramLoginModule required;`,
  },
} as const;
const kafka = hasOpenssl ? await startKafka(kafkaSettings) : undefined;
if (kafka) started.defer(() => kafka.stop("SIGKILL"));

const [certFile, keyFile] = ["cert.pem", "key.pem"].map((name) => JSON.stringify(join(folder, name)));
const natsSettings = `
  tls { cert_file: ${certFile}, key_file: ${keyFile}, ca_file: ${certFile}, verify: true }
  authorization { user: waybill, password: ${JSON.stringify(PASSWORD)} }`;
const nats = hasOpenssl ? await startJetStream(natsSettings) : undefined;
if (nats) started.defer(() => nats.stop("SIGKILL"));

const only = (isThere: boolean) => checkIf(isThere, secured);

async function passes(source: Source, connect: () => Promise<Transport>): Promise<void> {
  const sink = new TestSink();
  source.start(sink);
  await until(`it is connected (${source.health.reason})`, () => source.health.connected);
  const transport = await connect();
  await transport.publish(Buffer.from("hello"));
  await transport[Symbol.asyncDispose]();
  await until("it is there", () => sink.payloads().includes("hello"));
  await source.close();
}

async function isRefused(source: Source, reason: RegExp): Promise<void> {
  source.start(new TestSink());
  await until(`the reason is ${reason} (is ${source.health.reason})`, () =>
    reason.test(source.health.reason ?? ""),
  );
  assert.not.match(source.health.reason ?? "", /password-of-the-test/);
  assert.not(source.health.connected);
  await source.close();
}

const kafkaBehindTls = (
  mechanism: NonNullable<KafkaOptions["sasl"]>["mechanism"],
  password = PASSWORD,
): KafkaOptions => ({
  ...kafkaOptions(kafka as NonNullable<typeof kafka>),
  brokers: [`127.0.0.1:${securePort}`],
  tls,
  sasl: { mechanism, username: "waybill", password },
});

for (const mechanism of ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] as const) {
  only(kafka !== undefined)(
    `kafka, TLS and ${mechanism}: the right password gets in, a wrong one is said`,
    async () => {
      const options = kafkaBehindTls(mechanism);
      await passes(new KafkaSource(options), () => connectToKafka({ ...options, tls, sasl: options.sasl }));
      await isRefused(new KafkaSource(kafkaBehindTls(mechanism, "wrong-password-of-the-test")), /authenti/i);
    },
  );
}

only(kafka !== undefined)(
  "kafka: an untrusted broker is reported, and so is a client without a certificate",
  async () => {
    const options = kafkaBehindTls("PLAIN");
    await isRefused(new KafkaSource({ ...options, tls: {} }), /certificate/);
    await isRefused(
      new KafkaSource({ ...options, tls: { ca: tls.ca } }),
      /certificate|alert|closed|connect/i,
    );
  },
);

only(kafka !== undefined)("kafka: a port without TLS is said", async () => {
  const options = { ...kafkaBehindTls("PLAIN"), brokers: [kafka?.address as string] };
  await isRefused(new KafkaSource(options), /TLS|SSL|closed|timed out|socket/i);
});

only(nats !== undefined)(
  "jetstream, TLS and a password: the right one gets in, a wrong one is said",
  async () => {
    const options = jetStreamOptions(nats as NonNullable<typeof nats>);
    const at = (password: string) => `tls://waybill:${password}@${nats?.address}`;
    const right = { ...options, url: at(PASSWORD), tls };
    await passes(new JetStreamSource(right), () => connectToJetStream({ ...right, credentials: undefined }));
    await isRefused(
      new JetStreamSource({ ...right, url: at("wrong-password-of-the-test") }),
      /authorization/i,
    );
    await isRefused(new JetStreamSource({ ...right, tls: {} }), /certificate/);
    await isRefused(
      new JetStreamSource({ ...right, tls: { ca: tls.ca } }),
      /certificate|alert|closed|reset/i,
    );
  },
);

secured.after(() => started.disposeAsync());
secured.run();
