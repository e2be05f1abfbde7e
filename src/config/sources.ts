/** Settings enter, one configuration per broker and domain leaves. All domains of a process share the brokers. */
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
  url: string;
  clusterId: string;
  /** Unique per process and domain. */
  clientId: string;
  channel: string;
  durable: string;
  queueGroup: string;
  ackWaitSeconds: number;
}>;

export type KafkaConfig = Readonly<{
  brokers: readonly string[];
  topic: string;
  groupId: string;
  /** Under a new id, a restarted process waits for the end of its old session (45 s by default). */
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

export type OutboxConfig = Pick<KafkaConfig, "brokers" | "clientId" | "newTopicPartitions" | "tls" | "sasl"> &
  Readonly<{
    /** The same in all processes of a domain, so that one sends at a time. */
    transactionalId: string;
  }>;

export type NatsAddress = Readonly<{
  /** The first URL may hold credentials. */
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
    /** Undefined: wait for an existing stream. */
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

/** Separate clients and groups per domain: members of one Kafka group with different topics would rebalance each other. */
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
