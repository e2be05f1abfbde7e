/**
 * Where the messages of each domain come from: the brokers' addresses, which all domains of a process share, and the
 * channel of each domain. The variables of a channel carry the domain's prefix, such as WALLET_KAFKA_TOPIC.
 */
import { hostname } from "node:os";
import type { Read } from "./read.ts";
import {
  brokerName,
  brokers,
  brokersIfAny,
  channelName,
  fileContents,
  flag,
  groupName,
  groupNameIfAny,
  groupProtocol,
  integerBetween,
  natsUrls,
  saslMechanism,
  secret,
  streamName,
  subject,
  topicName,
} from "./rules.ts";

export const SOURCE_NAMES = ["nats-streaming", "jetstream", "kafka", "http"] as const;
export type SourceName = (typeof SOURCE_NAMES)[number];

/** How a domain's channels are named. */
export type DomainChannels = Readonly<{
  name: string;
  /** Prefix of its variables: empty, or a name in capitals and an underscore. */
  prefix: string;
}>;

export type NatsStreamingConfig = Readonly<{
  /** One or more URLs, separated by commas, with percent-encoded credentials. */
  url: string;
  clusterId: string;
  /** Unique among running processes, and among the domains of a process. */
  clientId: string;
  channel: string;
  durable: string;
  queueGroup: string;
  /** Seconds without an acknowledgement after which the server redelivers. */
  ackWaitSeconds: number;
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

/** Where the events of a domain go. */
export type OutboxConfig = Pick<KafkaConfig, "brokers" | "clientId" | "newTopicPartitions" | "tls" | "sasl"> &
  Readonly<{
    /** Unique among the domains of a cluster, and the same in all processes of the domain: one of them sends at a time. */
    transactionalId: string;
  }>;

/** The address of a NATS server and the credentials for it. */
export type NatsAddress = Readonly<{
  /** One or more URLs, separated by commas; the first may hold a percent-encoded user and password, or a token. */
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

export function readNatsStreaming(read: Read, domain: DomainChannels): NatsStreamingConfig {
  return {
    url: read("NATS_URL", "nats://127.0.0.1:4222", natsUrls),
    clusterId: read("STAN_CLUSTER_ID", "test-cluster", brokerName),
    clientId: ofDomain(read("STAN_CLIENT_ID", defaultClientId(), brokerName), domain),
    channel: read(`${domain.prefix}STAN_CHANNEL`, domain.name, channelName),
    durable: read("STAN_DURABLE", "waybill", brokerName),
    queueGroup: read("STAN_QUEUE_GROUP", "waybill", brokerName),
    ackWaitSeconds: read("STAN_ACK_WAIT_SECONDS", "30", integerBetween(1, 3_600)),
  };
}

export function readKafka(read: Read, domain: DomainChannels): KafkaConfig {
  const mechanism = read("KAFKA_SASL_MECHANISM", "none", saslMechanism);
  const username = read("KAFKA_SASL_USERNAME", "", secret);
  const password = read("KAFKA_SASL_PASSWORD", "", secret);
  const files = readTlsFiles(read, "KAFKA_TLS");
  return {
    brokers: read("KAFKA_BROKERS", "127.0.0.1:9092", brokers),
    topic: read(`${domain.prefix}KAFKA_TOPIC`, domain.name, topicName),
    groupId: ofDomain(read("KAFKA_GROUP_ID", "waybill", groupName), domain),
    clientId: ofDomain(read("KAFKA_CLIENT_ID", defaultClientId(), brokerName), domain),
    groupProtocol: read("KAFKA_GROUP_PROTOCOL", "auto", groupProtocol),
    newTopicPartitions: read("KAFKA_CREATE_TOPIC", "0", integerBetween(0, 10_000)),
    tls: read("KAFKA_TLS", "false", flag) || files ? (files ?? {}) : undefined,
    sasl: mechanism === "none" ? undefined : { mechanism, username, password },
  };
}

/** @returns undefined if no broker is named: then events wait in the outbox. */
export function readOutbox(read: Read, domain: DomainChannels): OutboxConfig | undefined {
  const named = read("OUTBOX_KAFKA_BROKERS", "", brokersIfAny);
  const brokers = named?.length ? named : read("KAFKA_BROKERS", "", brokersIfAny);
  const transactionalId = read("OUTBOX_TRANSACTIONAL_ID", "", groupNameIfAny);
  if (!brokers?.length) return undefined;
  const { clientId, newTopicPartitions, tls, sasl } = readKafka(read, domain);
  return {
    brokers,
    clientId: `${clientId}-outbox`,
    newTopicPartitions,
    tls,
    sasl,
    transactionalId: transactionalId ? ofDomain(transactionalId, domain) : `${domain.name}-outbox`,
  };
}

export function readJetStream(read: Read, domain: DomainChannels): JetStreamConfig {
  const url = read("JETSTREAM_URL", "nats://127.0.0.1:4222", natsUrls);
  const filter = read(`${domain.prefix}JETSTREAM_SUBJECT`, "", subject);
  const files = readTlsFiles(read, "JETSTREAM_TLS");
  return {
    url,
    stream: read(`${domain.prefix}JETSTREAM_STREAM`, domain.name, streamName),
    subject: filter,
    durable: read("JETSTREAM_DURABLE", "waybill", brokerName),
    ackWaitSeconds: read("JETSTREAM_ACK_WAIT_SECONDS", "30", integerBetween(1, 3_600)),
    newStreamSubject: read("JETSTREAM_CREATE_STREAM", "false", flag) ? (filter ?? domain.name) : undefined,
    tls: files || url?.includes("tls://") ? (files ?? {}) : undefined,
    credentials: read("JETSTREAM_CREDENTIALS_FILE", "", fileContents),
  };
}

/** The channel variables of a domain that names none: `WALLET_STAN_CHANNEL` and the like end in one of these. */
export const CHANNEL_VARIABLES = [
  "STAN_CHANNEL",
  "KAFKA_TOPIC",
  "JETSTREAM_STREAM",
  "JETSTREAM_SUBJECT",
] as const;

/**
 * The name for one domain's part of what brokers know a process by. Two domains of a process are two clients, and two
 * groups: members of one Kafka group that read different topics would rebalance each other.
 */
function ofDomain(name: string, { name: domain, prefix }: DomainChannels): string {
  return prefix === "" ? name : `${name}-${domain}`;
}

/** @returns undefined if no file is named. */
function readTlsFiles(read: Read, prefix: string): TlsConfig | undefined {
  const [ca, cert, key] = ["CA", "CERT", "KEY"].map((name) =>
    read(`${prefix}_${name}_FILE`, "", fileContents),
  );
  if (ca === undefined && cert === undefined && key === undefined) return undefined;
  return { ...(ca ? { ca } : {}), ...(cert ? { cert } : {}), ...(key ? { key } : {}) };
}

/** Unique for a process, and the same after a crash if the process id is (a container's is always 1). */
function defaultClientId(): string {
  return `waybill-${hostname().replace(/[^A-Za-z0-9_-]/g, "-")}-${process.pid}`;
}
