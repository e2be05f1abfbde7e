/**
 * The environment enters, a frozen and validated Config leaves. All problems are reported together in one ConfigError,
 * without the value of any secret.
 */
import { isIPv6 } from "node:net";
import {
  CHANNEL_SETTINGS,
  channelSettings,
  type DomainChannels,
  JETSTREAM_SETTINGS,
  KAFKA_SETTINGS,
  NATS_STREAMING_SETTINGS,
  OUTBOX_SETTINGS,
} from "./broker-settings.ts";
import type { FailpointName } from "./failpoint.ts";
import { misspeltVariables } from "./misspelt.ts";
import { NOTIFY_SETTINGS } from "./notify-settings.ts";
import { digestOf, type OperatorsFile, permissionWarnings } from "./operators-file.ts";
import {
  DATABASE_SETTINGS,
  DIAGNOSTIC_SETTINGS,
  flowSettings,
  GRPC_SETTINGS,
  HTTP_SETTINGS,
  TRACING_SETTINGS,
} from "./process-settings.ts";
import { type Environment, EnvironmentReader } from "./read.ts";
import { type SAMPLER_NAMES, TOKEN_LENGTH_MIN } from "./rules.ts";
import type { SettingGroup, SettingsOf, ValuesOf } from "./settings.ts";
import {
  type JetStreamConfig,
  type KafkaConfig,
  type NatsStreamingConfig,
  type OutboxConfig,
  readJetStream,
  readKafka,
  readNatsStreaming,
  readOutbox,
  type SourceName,
} from "./sources.ts";

/** The settings describe each value: process-settings.ts. */
export type Config = Readonly<{
  databaseUrl: string;
  migrationDatabaseUrl: string;
  databaseConnectionsMax: number;
  sources: readonly SourceName[];
  /** The domains that this process runs. */
  domains: readonly DomainConfig[];
  httpHost: string;
  httpKeepAliveSeconds: number;
  httpPort: number;
  grpcHost: string;
  grpcPort: number;
  /** Origins, such as https://waybill.example. */
  publicUrls: readonly string[];
  /** With `{trace_id}`. */
  traceUrl: string | undefined;
  trustedProxies: readonly string[];
  adminToken: string | undefined;
  ingressToken: string | undefined;
  operators: OperatorsFile | undefined;
  payloadBytesMax: number;
  inboxBufferBytesMax: number;
  notify: NotifyConfig;
  logLevel: string;
  /** Undefined if OTEL_TRACES_EXPORTER is `none`. */
  tracing: TracingConfig | undefined;
  failpoint: Readonly<{ name: FailpointName; passes: number }> | undefined;
  /** One sentence per suspicious variable. */
  warnings: readonly string[];
}>;

export type DomainConfig = Readonly<{
  name: string;
  settings: object;
  natsStreaming: NatsStreamingConfig;
  jetStream: JetStreamConfig;
  kafka: KafkaConfig;
  /** Undefined if events wait in the outbox. */
  outbox: OutboxConfig | undefined;
}>;

export type ConfigurableDomain = Readonly<{
  name: string;
  channelPrefix?: string;
  settings: SettingsOf<object>;
  checkSettings?(settings: object, reached: string | undefined): readonly string[];
}>;

/** Nothing is sent without a URL. */
export type NotifyConfig = ValuesOf<typeof NOTIFY_SETTINGS>;

export type TracingConfig = Readonly<{
  exporter: "jaeger" | "otlp";
  sampler: SamplerName;
  /** Fraction from 0 to 1, for samplers by ratio. */
  ratio: number;
  perSecondMax: number;
}>;

export type SamplerName = (typeof SAMPLER_NAMES)[number];

/** @param known the first one runs by default. @throws ConfigError with all problems. */
export function loadConfig(known: readonly ConfigurableDomain[], env: Environment = process.env): Config {
  const reader = new EnvironmentReader(env);
  const { problems } = reader;
  const { migrationDatabaseUrl, ...database } = reader.readSettings(DATABASE_SETTINGS);
  const { domains: running, ...flow } = reader.readSettings(flowSettings(known.map(({ name }) => name)));
  const http = reader.readSettings(HTTP_SETTINGS);
  const config: Config = {
    ...database,
    migrationDatabaseUrl: migrationDatabaseUrl ?? database.databaseUrl,
    ...flow,
    domains: known // If DOMAINS is invalid, the settings of all are checked.
      .filter(({ name }) => running?.includes(name) ?? true)
      .map((domain) => readDomain(reader, domain)),
    ...http,
    ...reader.readSettings(GRPC_SETTINGS),
    notify: reader.readSettings(NOTIFY_SETTINGS),
    tracing: readTracing(reader),
    ...reader.readSettings(DIAGNOSTIC_SETTINGS),
    warnings: [
      ...misspeltVariables(Object.keys(env), variablesOf(known)),
      ...(http.operators ? permissionWarnings(http.operators) : []),
    ],
  };
  problems.push(...unknownChannels(known, env));
  if (problems.length === 0) problems.push(...contradictions(config, known));
  // A missing variable may have been misspelt.
  if (problems.length > 0) problems.push(...config.warnings.filter((warning) => !isAbout(warning, problems)));
  reader.finish();
  return Object.freeze(config);
}

/** Every setting, under the headings of the documents. */
export function settingGroups(known: readonly ConfigurableDomain[]): readonly SettingGroup[] {
  return [
    { title: "Database", settings: DATABASE_SETTINGS },
    { title: "Messages", settings: flowSettings(known.map(({ name }) => name)) },
    {
      title: "Channels",
      note: `The names without a prefix belong to the domain ${known.find(({ channelPrefix }) => channelPrefix === "")?.name}; for any other domain the prefix is its name in capitals, such as \`<DOMAIN>_STAN_CHANNEL\`. The channels of domains that this process does not run are not read.`,
      settings: CHANNEL_SETTINGS,
    },
    { title: "NATS Streaming", settings: NATS_STREAMING_SETTINGS },
    { title: "JetStream", settings: JETSTREAM_SETTINGS },
    { title: "Kafka", settings: KAFKA_SETTINGS },
    { title: "Outbox", settings: OUTBOX_SETTINGS },
    { title: "HTTP", settings: HTTP_SETTINGS },
    { title: "gRPC", settings: GRPC_SETTINGS },
    ...known
      .filter(({ settings }) => Object.keys(settings).length > 0)
      .map(({ name, settings }) => ({ title: `Domain ${name}`, settings })),
    { title: "Alerts", settings: NOTIFY_SETTINGS },
    {
      title: "Traces",
      note: "The exporters read the other variables of the OpenTelemetry specification themselves, such as `OTEL_EXPORTER_JAEGER_ENDPOINT`, `OTEL_EXPORTER_OTLP_ENDPOINT` and `OTEL_SERVICE_NAME`.",
      settings: TRACING_SETTINGS,
    },
    { title: "Logs and tests", settings: DIAGNOSTIC_SETTINGS },
  ];
}

/** Parts for tools. @throws ConfigError */
export const loadNotify = (env: Environment = process.env) =>
  loadPart(env, (reader) => reader.readSettings(NOTIFY_SETTINGS));
export const loadTracing = (env: Environment = process.env) => loadPart(env, readTracing);
export const loadNatsStreaming = (domain: ConfigurableDomain, env: Environment = process.env) =>
  loadPart(env, (reader) => readNatsStreaming(reader, channelsOf(domain)));
export const loadKafka = (domain: ConfigurableDomain, env: Environment = process.env) =>
  loadPart(env, (reader) => readKafka(reader, channelsOf(domain)));
export const loadJetStream = (domain: ConfigurableDomain, env: Environment = process.env) =>
  loadPart(env, (reader) => readJetStream(reader, channelsOf(domain)));

/** For a command of a domain. @throws ConfigError */
export const loadSettings = (domain: ConfigurableDomain, env: Environment = process.env) =>
  loadPart(env, (reader) => {
    const settings = reader.readSettings(domain.settings);
    if (reader.problems.length === 0)
      reader.problems.push(...(domain.checkSettings?.(settings, undefined) ?? []));
    return settings;
  });

function loadPart<T>(env: Environment, readPart: (reader: EnvironmentReader) => T): T {
  const reader = new EnvironmentReader(env);
  const part = readPart(reader);
  reader.finish();
  return part;
}

function readDomain(reader: EnvironmentReader, domain: ConfigurableDomain): DomainConfig {
  const channels = channelsOf(domain);
  return {
    name: domain.name,
    settings: reader.readSettings(domain.settings),
    natsStreaming: readNatsStreaming(reader, channels),
    jetStream: readJetStream(reader, channels),
    kafka: readKafka(reader, channels),
    outbox: readOutbox(reader, channels),
  };
}

/** Redelivery times of the domains' brokers, in seconds. */
export function ackWaitsOf(domains: readonly DomainConfig[]): number[] {
  return domains.flatMap(({ natsStreaming, jetStream }) => [
    natsStreaming.ackWaitSeconds,
    jetStream.ackWaitSeconds,
  ]);
}

export function channelsOf({ name, channelPrefix }: ConfigurableDomain): DomainChannels {
  return { name, prefix: channelPrefix ?? `${name.toUpperCase()}_` };
}

/** Also of domains that this process does not run. */
function variablesOf(known: readonly ConfigurableDomain[]): ReadonlySet<string> {
  const settings = settingGroups(known).flatMap((group) => Object.values(group.settings));
  const channels = known.flatMap((domain) => Object.values(channelSettings(channelsOf(domain))));
  return new Set([...settings, ...channels].map(({ variable }) => variable));
}

function readTracing(reader: EnvironmentReader): TracingConfig | undefined {
  const { exporter, ...tracing } = reader.readSettings(TRACING_SETTINGS);
  return exporter === "none" ? undefined : { exporter, ...tracing };
}

/** The messages of a misspelt channel variable would never be read. */
function unknownChannels(known: readonly ConfigurableDomain[], env: Environment): string[] {
  const channelVariables = Object.values(CHANNEL_SETTINGS).map(({ variable }) => variable);
  const prefixes = new Set(known.map((domain) => channelsOf(domain).prefix));
  const problems: string[] = [];
  for (const [variable, value] of Object.entries(env)) {
    const ending = channelVariables.find((name) => variable === name || variable.endsWith(`_${name}`));
    if (!ending || !value || prefixes.has(variable.slice(0, -ending.length))) continue;
    const names = known.map(({ name }) => name).join(", ");
    problems.push(`${variable} names the channel of a domain that does not exist; the domains are ${names}`);
  }
  return problems;
}

function isAbout(warning: string, problems: readonly string[]): boolean {
  const [variable] = warning.split(" ");
  return problems.some((problem) => problem.startsWith(`${variable} `));
}

/** Rules that no single variable can break. */
function contradictions(config: Config, known: readonly ConfigurableDomain[]): string[] {
  const reached = reachedBy(config);
  const problems: string[] = [...sharedChannels(config)];
  for (const { name, settings } of config.domains) {
    const domain = known.find((candidate) => candidate.name === name);
    problems.push(...(domain?.checkSettings?.(settings, reached) ?? []));
  }
  const roomMax = largestPayload(config);
  if (config.payloadBytesMax > roomMax) {
    problems.push(
      `PAYLOAD_BYTES_MAX must not exceed ${roomMax}, the largest payload for which INBOX_BUFFER_BYTES_MAX has room (was ${config.payloadBytesMax}): lower it, or raise INBOX_BUFFER_BYTES_MAX`,
    );
  }
  const { sasl } = config.domains[0]?.kafka ?? {};
  if (sasl && (sasl.username === "" || sasl.password === "")) {
    problems.push("KAFKA_SASL_MECHANISM needs KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD");
  }
  const { adminToken, grpcHost, ingressToken, operators } = config;
  for (const [variable, token] of Object.entries({ ADMIN_TOKEN: adminToken, INGRESS_TOKEN: ingressToken })) {
    if (token !== undefined && operators?.tokens.some(({ digest }) => digest.equals(digestOf(token))))
      problems.push(`OPERATORS_FILE must not have the token of ${variable}`);
  }
  const reachedByCalls = isLoopback(grpcHost) ? reached : `GRPC_HOST is "${grpcHost}"`;
  if (ingressToken === undefined && operators === undefined && !isLoopback(grpcHost))
    problems.push(`INGRESS_TOKEN must be set because ${reachedByCalls}, which others can reach`);
  if (ingressToken !== undefined && ingressToken.length < TOKEN_LENGTH_MIN && reachedByCalls !== undefined) {
    problems.push(
      `INGRESS_TOKEN must have at least ${TOKEN_LENGTH_MIN} characters because ${reachedByCalls}, which others can reach`,
    );
  }
  if (reached === undefined) return problems;
  if (operators !== undefined) return problems;
  const elsewhere = `must be set because ${reached}, which others can reach`;
  if (config.adminToken === undefined) problems.push(`ADMIN_TOKEN ${elsewhere}`);
  if (config.ingressToken === undefined && config.sources.includes("http")) {
    problems.push(`INGRESS_TOKEN ${elsewhere} and the http source runs`);
  }
  return problems;
}

/** The setting that exposes the service to other machines, if any. */
export function reachedBy({ httpHost, publicUrls }: Config): string | undefined {
  const publicUrl = publicUrls.find((url) => !isLoopback(new URL(url).hostname));
  if (publicUrl !== undefined) return `PUBLIC_URL is "${publicUrl}"`;
  return isLoopback(httpHost) ? undefined : `HTTP_HOST is "${httpHost}"`;
}

/** An empty inbox has its share of one half of the buffer, and the whole other half: byte-budget.ts. */
function largestPayload({ inboxBufferBytesMax, domains }: Config): number {
  const half = inboxBufferBytesMax / 2;
  return Math.floor(half + half / domains.length) - MESSAGE_OVERHEAD_BYTES;
}

/** If two domains read one channel, each message reaches only one of them. */
function sharedChannels({ sources, domains }: Config): string[] {
  const channelOf: Readonly<Record<SourceName, (domain: DomainConfig) => string>> = {
    "nats-streaming": ({ natsStreaming }) => natsStreaming.channel,
    jetstream: ({ jetStream: { stream, subject } }) =>
      subject === undefined ? stream : `${stream}/${subject}`,
    kafka: ({ kafka }) => kafka.topic,
    http: ({ name }) => name,
  };
  const problems: string[] = [];
  for (const source of sources) {
    const readers = new Map<string, string>();
    for (const domain of domains) {
      const channel = channelOf[source](domain);
      const first = readers.get(channel);
      if (first === undefined) readers.set(channel, domain.name);
      else
        problems.push(
          `the domains ${first} and ${domain.name} both read the channel "${channel}" of ${source}`,
        );
    }
  }
  return problems;
}

export function httpUrl(host: string, port: number): string {
  return `http://${isIPv6(host) ? `[${host}]` : host}:${port}`;
}

export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || host === "[::1]" || /^127(\.\d{1,3}){3}$/.test(host);
}

/** Measured: two objects, a map entry, key and id. */
export const MESSAGE_OVERHEAD_BYTES = 600;
