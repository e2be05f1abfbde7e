/** The settings of the brokers; sources.ts reads them. */
import { hostname } from "node:os";
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
import type { Setting, Settings } from "./settings.ts";

/** Unique per process. In a container the process id is always 1, so it survives a restart. */
const CLIENT_ID = {
  fallback: `waybill-${hostname().replace(/[^A-Za-z0-9_-]/g, "-")}-${process.pid}`,
  fallbackText: "`waybill-<host>-<pid>`",
  rule: brokerName,
  example: "waybill-1",
} as const;

export const NATS_STREAMING_SETTINGS = {
  url: {
    variable: "NATS_URL",
    fallback: "nats://127.0.0.1:4222",
    rule: natsUrls,
    description: "URLs of the server, separated by commas, with percent-encoded credentials (`p%40ss`).",
    isSecret: true,
  },
  clusterId: {
    variable: "STAN_CLUSTER_ID",
    fallback: "test-cluster",
    rule: brokerName,
    description: "Cluster id of the server.",
  },
  clientId: {
    ...CLIENT_ID,
    variable: "STAN_CLIENT_ID",
    description:
      "Client id, unique among running processes. If it stays the same after a restart, the server redelivers the last process's messages at once, otherwise after `STAN_ACK_WAIT_SECONDS`.",
  },
  durable: {
    variable: "STAN_DURABLE",
    fallback: "waybill",
    rule: brokerName,
    description: "Name of the durable subscription.",
  },
  queueGroup: {
    variable: "STAN_QUEUE_GROUP",
    fallback: "waybill",
    rule: brokerName,
    description: "Queue group. Processes of one group share the messages.",
  },
  ackWaitSeconds: {
    variable: "STAN_ACK_WAIT_SECONDS",
    fallback: "30",
    rule: integerBetween(1, 3_600),
    description:
      "Time without an acknowledgement after which the server redelivers a message. It must be far longer than an append takes.",
    unit: "seconds",
  },
} satisfies Settings;

export const JETSTREAM_SETTINGS = {
  url: {
    variable: "JETSTREAM_URL",
    fallback: "nats://127.0.0.1:4222",
    rule: natsUrls,
    description:
      "URLs of the server, separated by commas. The first may hold a user and password, or a token; `tls://` uses TLS.",
    isSecret: true,
  },
  durable: {
    variable: "JETSTREAM_DURABLE",
    fallback: "waybill",
    rule: brokerName,
    description: "Name of the durable consumer. Processes of one consumer share the messages.",
  },
  ackWaitSeconds: {
    variable: "JETSTREAM_ACK_WAIT_SECONDS",
    fallback: "30",
    rule: integerBetween(1, 3_600),
    description:
      "Time without an acknowledgement or a progress report after which the server redelivers a message.",
    unit: "seconds",
  },
  createStream: {
    variable: "JETSTREAM_CREATE_STREAM",
    fallback: "false",
    rule: flag,
    description:
      "Whether the service creates a stream that does not exist, for `JETSTREAM_SUBJECT` or else the domain's name. Otherwise it waits for the stream.",
  },
  credentials: {
    variable: "JETSTREAM_CREDENTIALS_FILE",
    fallback: "",
    rule: fileContents,
    description: "Path of a NATS credentials file.",
    example: "/etc/waybill/nats.creds",
  },
  ...tlsFiles("JETSTREAM_TLS"),
} satisfies Settings;

export const KAFKA_SETTINGS = {
  brokers: {
    variable: "KAFKA_BROKERS",
    fallback: "127.0.0.1:9092",
    rule: brokers,
    description: "Some brokers of the cluster as `host:port`, separated by commas.",
  },
  groupId: {
    variable: "KAFKA_GROUP_ID",
    fallback: "waybill",
    rule: groupName,
    description: "Consumer group. Processes of one group share the partitions.",
  },
  clientId: {
    ...CLIENT_ID,
    variable: "KAFKA_CLIENT_ID",
    description:
      "Client id, unique among running processes. If it stays the same after a restart, the process gets its partitions back at once.",
  },
  groupProtocol: {
    variable: "KAFKA_GROUP_PROTOCOL",
    fallback: "auto",
    rule: groupProtocol,
    description:
      "Group protocol: `consumer` (KIP-848, Kafka 4.0 and newer), `classic`, or `auto`, which uses `consumer` if the broker has it.",
  },
  newTopicPartitions: {
    variable: "KAFKA_CREATE_TOPIC",
    fallback: "0",
    rule: integerBetween(0, 10_000),
    description: "Partitions of a topic that the service creates. With 0 it waits for the topic.",
    unit: "partitions",
  },
  hasTls: {
    variable: "KAFKA_TLS",
    fallback: "false",
    rule: flag,
    description: "Whether to connect with TLS. A TLS file implies it.",
  },
  ...tlsFiles("KAFKA_TLS"),
  mechanism: {
    variable: "KAFKA_SASL_MECHANISM",
    fallback: "none",
    rule: saslMechanism,
    description: "SASL mechanism: `none`, `PLAIN`, `SCRAM-SHA-256` or `SCRAM-SHA-512`.",
  },
  username: {
    variable: "KAFKA_SASL_USERNAME",
    fallback: "",
    rule: secret,
    description: "User name, required by a SASL mechanism.",
  },
  password: {
    variable: "KAFKA_SASL_PASSWORD",
    fallback: "",
    rule: secret,
    description: "Password, required by a SASL mechanism.",
    isSecret: true,
  },
} satisfies Settings;

export const OUTBOX_SETTINGS = {
  brokers: {
    variable: "OUTBOX_KAFKA_BROKERS",
    fallback: "",
    rule: brokersIfAny,
    description:
      "Kafka brokers that events of the domains go to, with the TLS, SASL and `KAFKA_CREATE_TOPIC` of the Kafka source. If this and `KAFKA_BROKERS` are not set, events wait in the outbox. See [outbox.md](outbox.md).",
    fallbackText: "`KAFKA_BROKERS` if that is set",
    example: "127.0.0.1:9092",
  },
  transactionalId: {
    variable: "OUTBOX_TRANSACTIONAL_ID",
    fallback: "",
    rule: groupNameIfAny,
    description:
      "Transactional id of the relay: the same in all processes of a domain, and used by no other relay of the cluster. Domains whose channel variables have a prefix append `-<domain>` to it.",
    fallbackText: "`<domain>-outbox`",
    example: "waybill-outbox",
  },
} satisfies Settings;

/** Per domain: the variable gets a prefix, and an undefined default becomes the domain's name. */
export const CHANNEL_SETTINGS = {
  stanChannel: {
    variable: "STAN_CHANNEL",
    fallback: undefined,
    rule: channelName,
    description: "NATS Streaming channel of the domain.",
    fallbackText: "the domain's name",
  },
  jetStreamStream: {
    variable: "JETSTREAM_STREAM",
    fallback: undefined,
    rule: streamName,
    description: "JetStream stream of the domain.",
    fallbackText: "the domain's name",
  },
  jetStreamSubject: {
    variable: "JETSTREAM_SUBJECT",
    fallback: "",
    rule: subject,
    description: "Only subject of the stream to read; by default the whole stream.",
    example: "payments.>",
  },
  kafkaTopic: {
    variable: "KAFKA_TOPIC",
    fallback: undefined,
    rule: topicName,
    description: "Kafka topic of the domain.",
    fallbackText: "the domain's name",
  },
} satisfies Settings;

export type DomainChannels = Readonly<{
  name: string;
  /** Of its variables: empty, or such as `PAYMENTS_`. */
  prefix: string;
}>;

export function channelSettings({ name, prefix }: DomainChannels): typeof CHANNEL_SETTINGS {
  const named = Object.entries<Setting<unknown>>(CHANNEL_SETTINGS).map(([key, setting]) => [
    key,
    { ...setting, variable: `${prefix}${setting.variable}`, fallback: setting.fallback ?? name },
  ]);
  return Object.fromEntries(named);
}

function tlsFiles<Prefix extends string>(prefix: Prefix) {
  const file = { fallback: "", rule: fileContents };
  return {
    ca: {
      ...file,
      variable: `${prefix}_CA_FILE`,
      description: "PEM file of the certificate authorities; by default those of Node.js.",
      example: "/etc/waybill/ca.pem",
    },
    cert: {
      ...file,
      variable: `${prefix}_CERT_FILE`,
      description: "PEM file of the client certificate.",
      example: "/etc/waybill/client.pem",
    },
    key: {
      ...file,
      variable: `${prefix}_KEY_FILE`,
      description: "PEM file of the client's private key.",
      example: "/etc/waybill/client.key",
    },
  };
}
