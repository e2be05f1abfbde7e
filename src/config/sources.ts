/**
 * Where the messages of each domain come from: brokers, which all domains of a process share, and the channel of each
 * domain. The settings enter, one configuration per broker and domain leaves.
 */
import {
  channelSettings,
  type DomainChannels,
  JETSTREAM_SETTINGS,
  KAFKA_SETTINGS,
  NATS_STREAMING_SETTINGS,
  OUTBOX_SETTINGS,
} from "./broker-settings.ts";
import type { EnvironmentReader } from "./read.ts";
import { brokersIfAny } from "./rules.ts";

export const SOURCE_NAMES = ["nats-streaming", "jetstream", "kafka", "http"] as const;
export type SourceName = (typeof SOURCE_NAMES)[number];

export type NatsStreamingConfig = Readonly<{
  /** URLs, separated by commas, with percent-encoded credentials. */
  url: string;
  clusterId: string;
  /** Unique among running processes, and among the domains of a process. */
  clientId: string;
  channel: string;
  durable: string;
  queueGroup: string;
  ackWaitSeconds: number;
}>;

export type KafkaConfig = Readonly<{
  /** `host:port` of some of the cluster's brokers. */
  brokers: readonly string[];
  topic: string;
  groupId: string;
  /** Under another id, a restarted process waits until the broker ends the old session (45 s by default). */
  clientId: string;
  /** With `consumer` (KIP-848) a rebalance revokes only the partitions that move. */
  groupProtocol: "auto" | "consumer" | "classic";
  /** 0: wait for an existing topic. */
  newTopicPartitions: number;
  tls?: TlsConfig | undefined;
  sasl?:
    | Readonly<{ mechanism: "PLAIN" | "SCRAM-SHA-256" | "SCRAM-SHA-512"; username: string; password: string }>
    | undefined;
}>;

/** Where the events of a domain go. */
export type OutboxConfig = Pick<KafkaConfig, "brokers" | "clientId" | "newTopicPartitions" | "tls" | "sasl"> &
  Readonly<{
    /** The same in all processes of a domain, so that one of them sends at a time. */
    transactionalId: string;
  }>;

/** The address of a NATS server and the credentials for it. */
export type NatsAddress = Readonly<{
  /** URLs, separated by commas; the first may hold a percent-encoded user and password, or a token. */
  url: string;
  tls?: TlsConfig | undefined;
  /** Contents of a credentials file. */
  credentials?: string | undefined;
}>;

export type JetStreamConfig = NatsAddress &
  Readonly<{
    stream: string;
    /** Undefined: the whole stream. */
    subject: string | undefined;
    durable: string;
    ackWaitSeconds: number;
    /** Subject of a stream that this process creates; undefined: wait for an existing stream. */
    newStreamSubject: string | undefined;
  }>;

/** Contents of PEM files. Without `ca`, Node's built-in CAs are used. */
export type TlsConfig = Readonly<{ ca?: string; cert?: string; key?: string }>;

export function readNatsStreaming(reader: EnvironmentReader, domain: DomainChannels): NatsStreamingConfig {
  const settings = reader.readSettings(NATS_STREAMING_SETTINGS);
  return {
    ...settings,
    clientId: ofDomain(settings.clientId, domain),
    channel: reader.read(channelSettings(domain).stanChannel),
  };
}

export function readKafka(reader: EnvironmentReader, domain: DomainChannels): KafkaConfig {
  const settings = reader.readSettings(KAFKA_SETTINGS);
  const { brokers, groupProtocol, newTopicPartitions, mechanism, username, password } = settings;
  const files = tlsOf(settings);
  return {
    brokers,
    topic: reader.read(channelSettings(domain).kafkaTopic),
    groupId: ofDomain(settings.groupId, domain),
    clientId: ofDomain(settings.clientId, domain),
    groupProtocol,
    newTopicPartitions,
    tls: settings.hasTls || files ? (files ?? {}) : undefined,
    sasl: mechanism === "none" ? undefined : { mechanism, username, password },
  };
}

/** @returns undefined if no broker is named: then events wait in the outbox. */
export function readOutbox(reader: EnvironmentReader, domain: DomainChannels): OutboxConfig | undefined {
  const named = reader.readSettings(OUTBOX_SETTINGS);
  const ofSource = { ...KAFKA_SETTINGS.brokers, fallback: "", rule: brokersIfAny };
  const brokers = named.brokers?.length ? named.brokers : reader.read(ofSource);
  if (!brokers?.length) return undefined;
  const { clientId, newTopicPartitions, tls, sasl } = readKafka(reader, domain);
  return {
    brokers,
    clientId: `${clientId}-outbox`,
    newTopicPartitions,
    tls,
    sasl,
    transactionalId: named.transactionalId
      ? ofDomain(named.transactionalId, domain)
      : `${domain.name}-outbox`,
  };
}

export function readJetStream(reader: EnvironmentReader, domain: DomainChannels): JetStreamConfig {
  const settings = reader.readSettings(JETSTREAM_SETTINGS);
  const { url, durable, ackWaitSeconds, createStream, credentials } = settings;
  const channels = channelSettings(domain);
  const subject = reader.read(channels.jetStreamSubject);
  const files = tlsOf(settings);
  return {
    url,
    stream: reader.read(channels.jetStreamStream),
    subject,
    durable,
    ackWaitSeconds,
    newStreamSubject: createStream ? (subject ?? domain.name) : undefined,
    tls: files || url?.includes("tls://") ? (files ?? {}) : undefined,
    credentials,
  };
}

/**
 * Two domains of a process are two clients and two groups of a broker: members of one Kafka group that read different
 * topics would rebalance each other.
 */
function ofDomain(name: string, { name: domain, prefix }: DomainChannels): string {
  return prefix === "" ? name : `${name}-${domain}`;
}

/** @returns undefined if no file is named. */
function tlsOf({
  ca,
  cert,
  key,
}: Partial<Record<keyof TlsConfig, string | undefined>>): TlsConfig | undefined {
  if (ca === undefined && cert === undefined && key === undefined) return undefined;
  return { ...(ca ? { ca } : {}), ...(cert ? { cert } : {}), ...(key ? { key } : {}) };
}
