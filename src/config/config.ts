/**
 * The environment enters, a frozen and validated Config leaves. Every problem is found before any is reported,
 * so that a person mends a configuration in one go. No value of a secret is ever part of a message.
 */
import { hostname } from "node:os";
import { type } from "arktype";
import type { FailpointName } from "./failpoint.ts";
import {
  brokerName,
  brokers,
  channelName,
  failpointPass,
  fileContents,
  flag,
  groupName,
  groupProtocol,
  hostName,
  integerBetween,
  listOf,
  logLevel,
  natsUrl,
  natsUrls,
  postgresUrl,
  type Rule,
  type SAMPLER_NAMES,
  saslMechanism,
  secret,
  share,
  streamName,
  subject,
  token,
  topicName,
  tracesExporter,
  tracesSampler,
} from "./rules.ts";

export type Config = Readonly<{
  databaseUrl: string;
  migrationDatabaseUrl: string;
  sources: readonly SourceName[];
  domains: readonly DomainName[];
  natsUrl: string;
  stanClusterId: string;
  stanClientId: string;
  stanChannel: string;
  stanDurable: string;
  stanQueueGroup: string;
  stanAckWaitSeconds: number;
  kafka: KafkaConfig;
  jetStream: JetStreamConfig;
  httpHost: string;
  httpPort: number;
  adminToken: string | undefined;
  ingressToken: string | undefined;
  payloadBytesMax: number;
  inboxBufferBytesMax: number;
  cacheBytesMax: number;
  logLevel: string;
  /** Undefined where OTEL_TRACES_EXPORTER is `none`. */
  tracing: TracingConfig | undefined;
  failpoint: Readonly<{ name: FailpointName; passes: number }> | undefined;
}>;

export type KafkaConfig = Readonly<{
  /** `host:port` of some of the cluster's brokers. */
  brokers: readonly string[];
  topic: string;
  groupId: string;
  /**
   * Unique among running processes. A process that restarts under the same id gets its partitions back at once; under
   * another id it waits until the broker ends the old session (45 s by default).
   */
  clientId: string;
  /**
   * `consumer` is the protocol of KIP-848: a rebalance revokes only the partitions that move. Brokers enable it by
   * default since Kafka 4.0. `auto` tries it first.
   */
  groupProtocol: "auto" | "consumer" | "classic";
  /** Number of partitions of a topic that this process creates; 0: wait for an existing topic. */
  newTopicPartitions: number;
  tls?: TlsConfig | undefined;
  sasl?:
    | Readonly<{ mechanism: "PLAIN" | "SCRAM-SHA-256" | "SCRAM-SHA-512"; username: string; password: string }>
    | undefined;
}>;

/** The address of a NATS server and the credentials for it. */
export type NatsAddress = Readonly<{
  /** One or more URLs, separated by commas; the first may hold a user and a password, or a token. */
  url: string;
  tls?: TlsConfig | undefined;
  /** The contents of a credentials file. */
  credentials?: string | undefined;
}>;

export type JetStreamConfig = NatsAddress &
  Readonly<{
    stream: string;
    /** The only subject of the stream to read; undefined: the whole stream. */
    subject: string | undefined;
    durable: string;
    /** Seconds without an acknowledgement or a progress report after which the server redelivers. */
    ackWaitSeconds: number;
    /** The subject of a stream that this process creates; undefined: wait for an existing stream. */
    newStreamSubject: string | undefined;
  }>;

/** The contents of PEM files. Without a `ca` those that Node.js knows count. */
export type TlsConfig = Readonly<{ ca?: string; cert?: string; key?: string }>;

export type TracingConfig = Readonly<{
  exporter: "jaeger" | "otlp";
  sampler: SamplerName;
  /** Of the samplers by ratio: which share of the traces, from 0 to 1. */
  ratio: number;
  /** How many traces of requests, and how many of messages, may begin in a second. */
  perSecondMax: number;
}>;

/** Reads one variable by its rule; what is wrong with it is noted, and the value is then of no use. */
type Read = <T>(name: string, fallback: string | undefined, rule: Rule<T>) => T;

export type SamplerName = (typeof SAMPLER_NAMES)[number];
export type SourceName = (typeof SOURCE_NAMES)[number];
export type DomainName = (typeof DOMAIN_NAMES)[number];

/** Everything that is wrong with the environment, one line a problem. */
export class ConfigError extends Error {
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(`the configuration has ${problems.length} problem${problems.length === 1 ? "" : "s"}`);
    this.problems = problems;
  }
}

/**
 * Reads the whole configuration.
 * @throws ConfigError with every problem at once.
 */
export function loadConfig(env: NodeJS.ProcessEnv = process.env): Config {
  const problems: string[] = [];
  const read: Read = <T>(name: string, fallback: string | undefined, rule: Rule<T>): T =>
    readVariable(env, problems, name, fallback, rule) as T;

  const databaseUrl = read("DATABASE_URL", undefined, postgresUrl);
  const config: Config = {
    databaseUrl,
    migrationDatabaseUrl: env.MIGRATION_DATABASE_URL
      ? read("MIGRATION_DATABASE_URL", undefined, postgresUrl)
      : databaseUrl,
    sources: read("SOURCES", "nats-streaming,http", listOf(SOURCE_NAMES)),
    domains: read("DOMAINS", "orders", listOf(DOMAIN_NAMES)),
    natsUrl: read("NATS_URL", "nats://127.0.0.1:4222", natsUrl),
    stanClusterId: read("STAN_CLUSTER_ID", "test-cluster", brokerName),
    stanClientId: read("STAN_CLIENT_ID", defaultClientId(), brokerName),
    stanChannel: read("STAN_CHANNEL", "orders", channelName),
    stanDurable: read("STAN_DURABLE", "waybill", brokerName),
    stanQueueGroup: read("STAN_QUEUE_GROUP", "waybill", brokerName),
    stanAckWaitSeconds: read("STAN_ACK_WAIT_SECONDS", "30", integerBetween(1, 3_600)),
    kafka: readKafka(read),
    jetStream: readJetStream(read),
    httpHost: read("HTTP_HOST", "127.0.0.1", hostName),
    httpPort: read("HTTP_PORT", "3000", integerBetween(0, 65_535)),
    adminToken: read("ADMIN_TOKEN", "", token),
    ingressToken: read("INGRESS_TOKEN", "", token),
    payloadBytesMax: read("PAYLOAD_BYTES_MAX", String(MEBIBYTE), integerBetween(1, 64 * MEBIBYTE)),
    inboxBufferBytesMax: read(
      "INBOX_BUFFER_BYTES_MAX",
      String(32 * MEBIBYTE),
      integerBetween(64 * 1024, 2 ** 34),
    ),
    cacheBytesMax: read("CACHE_BYTES_MAX", String(512 * MEBIBYTE), integerBetween(0, 2 ** 40)),
    logLevel: read("LOG_LEVEL", "info", logLevel),
    tracing: readTracing(read),
    failpoint: read("WAYBILL_FAILPOINT", "", failpointPass),
  };

  if (problems.length === 0) problems.push(...contradictions(config));
  if (problems.length > 0) throw new ConfigError(problems);
  return Object.freeze(config);
}

/** What of the configuration others than the service need too. @throws ConfigError */
export const loadTracing = (env: NodeJS.ProcessEnv = process.env) => loadPart(env, readTracing);
export const loadKafka = (env: NodeJS.ProcessEnv = process.env) => loadPart(env, readKafka);
export const loadJetStream = (env: NodeJS.ProcessEnv = process.env) => loadPart(env, readJetStream);

function loadPart<T>(env: NodeJS.ProcessEnv, readPart: (read: Read) => T): T {
  const problems: string[] = [];
  const part = readPart(
    <V>(name: string, fallback: string | undefined, rule: Rule<V>) =>
      readVariable(env, problems, name, fallback, rule) as V,
  );
  if (problems.length > 0) throw new ConfigError(problems);
  return part;
}

function readKafka(read: Read): KafkaConfig {
  const mechanism = read("KAFKA_SASL_MECHANISM", "none", saslMechanism);
  const username = read("KAFKA_SASL_USERNAME", "", secret);
  const password = read("KAFKA_SASL_PASSWORD", "", secret);
  const files = readTlsFiles(read, "KAFKA_TLS");
  return {
    brokers: read("KAFKA_BROKERS", "127.0.0.1:9092", brokers),
    topic: read("KAFKA_TOPIC", "orders", topicName),
    groupId: read("KAFKA_GROUP_ID", "waybill", groupName),
    clientId: read("KAFKA_CLIENT_ID", defaultClientId(), brokerName),
    groupProtocol: read("KAFKA_GROUP_PROTOCOL", "auto", groupProtocol),
    newTopicPartitions: read("KAFKA_CREATE_TOPIC", "0", integerBetween(0, 10_000)),
    tls: read("KAFKA_TLS", "false", flag) || files ? (files ?? {}) : undefined,
    sasl: mechanism === "none" ? undefined : { mechanism, username, password },
  };
}

function readJetStream(read: Read): JetStreamConfig {
  const url = read("JETSTREAM_URL", "nats://127.0.0.1:4222", natsUrls);
  const filter = read("JETSTREAM_SUBJECT", "", subject);
  const files = readTlsFiles(read, "JETSTREAM_TLS");
  return {
    url,
    stream: read("JETSTREAM_STREAM", "orders", streamName),
    subject: filter,
    durable: read("JETSTREAM_DURABLE", "waybill", brokerName),
    ackWaitSeconds: read("JETSTREAM_ACK_WAIT_SECONDS", "30", integerBetween(1, 3_600)),
    newStreamSubject: read("JETSTREAM_CREATE_STREAM", "false", flag) ? (filter ?? "orders") : undefined,
    tls: files || url?.includes("tls://") ? (files ?? {}) : undefined,
    credentials: read("JETSTREAM_CREDENTIALS_FILE", "", fileContents),
  };
}

/** @returns undefined where there are none. */
function readTlsFiles(read: Read, prefix: string): TlsConfig | undefined {
  const [ca, cert, key] = ["CA", "CERT", "KEY"].map((name) =>
    read(`${prefix}_${name}_FILE`, "", fileContents),
  );
  if (ca === undefined && cert === undefined && key === undefined) return undefined;
  return { ...(ca ? { ca } : {}), ...(cert ? { cert } : {}), ...(key ? { key } : {}) };
}

/** The variables of the OpenTelemetry specification, and a bound; those that only its SDK reads are left to it. */
function readTracing(read: Read): TracingConfig | undefined {
  const exporter = read("OTEL_TRACES_EXPORTER", "none", tracesExporter);
  const sampler = read("OTEL_TRACES_SAMPLER", "parentbased_always_on", tracesSampler);
  const ratio = read("OTEL_TRACES_SAMPLER_ARG", "1", share);
  const perSecondMax = read("TRACES_PER_SECOND_MAX", "20", integerBetween(1, 1_000_000));
  return exporter === "none" ? undefined : { exporter, sampler, ratio, perSecondMax };
}

/** Rules that no single variable can break. */
function contradictions(config: Config): string[] {
  const problems: string[] = [];
  if (config.payloadBytesMax > config.inboxBufferBytesMax) {
    problems.push(
      "PAYLOAD_BYTES_MAX must not exceed INBOX_BUFFER_BYTES_MAX: a payload of that size could never be taken in",
    );
  }
  const { sasl } = config.kafka;
  if (sasl && (sasl.username === "" || sasl.password === "")) {
    problems.push("KAFKA_SASL_MECHANISM needs KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD");
  }
  if (isLoopback(config.httpHost)) return problems;
  const elsewhere = `must be set because HTTP_HOST is "${config.httpHost}", which others can reach`;
  if (config.adminToken === undefined) problems.push(`ADMIN_TOKEN ${elsewhere}`);
  if (config.ingressToken === undefined && config.sources.includes("http")) {
    problems.push(`INGRESS_TOKEN ${elsewhere} and the http source runs`);
  }
  return problems;
}

function readVariable(
  env: NodeJS.ProcessEnv,
  problems: string[],
  name: string,
  fallback: string | undefined,
  rule: Rule<unknown>,
): unknown {
  // An empty value means "not set": that is how compose files and shells leave a variable out.
  const text = env[name] || fallback;
  if (text === undefined) {
    problems.push(`${name} is required`);
    return undefined;
  }
  const value = rule(text);
  if (!(value instanceof type.errors)) return value;
  const shown = SECRETS.has(name) ? "" : ` (was ${JSON.stringify(text.slice(0, 200))})`;
  problems.push(`${name} must be ${value[0]?.expected ?? "valid"}${shown}`);
  return undefined;
}

/** Whether only this machine can reach the address. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127(\.\d{1,3}){3}$/.test(host);
}

/** Unique for a process, and the same after a crash where the process id is (a container's is always 1). */
function defaultClientId(): string {
  return `waybill-${hostname().replace(/[^A-Za-z0-9_-]/g, "-")}-${process.pid}`;
}

const MEBIBYTE = 1024 * 1024;
export const SOURCE_NAMES = ["nats-streaming", "jetstream", "kafka", "http"] as const;
const DOMAIN_NAMES = ["orders"] as const;

/** URLs carry passwords, so they count as secrets like the tokens do. */
const SECRETS = new Set([
  "DATABASE_URL",
  "MIGRATION_DATABASE_URL",
  "NATS_URL",
  "JETSTREAM_URL",
  "KAFKA_SASL_PASSWORD",
  "ADMIN_TOKEN",
  "INGRESS_TOKEN",
]);
