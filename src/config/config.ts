/**
 * The environment enters, a frozen and validated Config leaves. Every problem is found before any is reported, so that a
 * person mends a configuration in one go. No value of a secret is ever part of a message.
 */
import { isIPv6 } from "node:net";
import type { FailpointName } from "./failpoint.ts";
import { misspeltVariables } from "./misspelt.ts";
import { type Environment, EnvironmentReader, type Read } from "./read.ts";
import {
  failpointPass,
  hostName,
  integerBetween,
  listOf,
  logLevel,
  networks,
  postgresUrl,
  publicUrls,
  type SAMPLER_NAMES,
  share,
  TOKEN_LENGTH_MIN,
  token,
  tokenOfAnyLength,
  tracesExporter,
  tracesSampler,
} from "./rules.ts";
import { type SettingsOf, variablesOf } from "./settings.ts";
import {
  CHANNEL_VARIABLES,
  type DomainChannels,
  type JetStreamConfig,
  type KafkaConfig,
  type NatsStreamingConfig,
  type OutboxConfig,
  readJetStream,
  readKafka,
  readNatsStreaming,
  readOutbox,
  SOURCE_NAMES,
  type SourceName,
} from "./sources.ts";

export type Config = Readonly<{
  databaseUrl: string;
  migrationDatabaseUrl: string;
  /** The most connections that one process of the service opens. */
  databaseConnectionsMax: number;
  /** Which sources run, for each domain. */
  sources: readonly SourceName[];
  /** The domains that this process runs. */
  domains: readonly DomainConfig[];
  httpHost: string;
  /** How long an idle connection stays open; longer than a proxy keeps it, else it sends into a closing one. */
  httpKeepAliveSeconds: number;
  httpPort: number;
  /** Where domains with procedures answer gRPC. */
  grpcHost: string;
  grpcPort: number;
  /** The origins under which browsers reach the service, such as https://waybill.example. */
  publicUrls: readonly string[];
  /** Addresses and networks of proxies whose X-Forwarded-For is believed. */
  trustedProxies: readonly string[];
  adminToken: string | undefined;
  ingressToken: string | undefined;
  payloadBytesMax: number;
  /** Bytes that all inboxes of the process may buffer. */
  inboxBufferBytesMax: number;
  logLevel: string;
  /** Undefined if OTEL_TRACES_EXPORTER is `none`. */
  tracing: TracingConfig | undefined;
  failpoint: Readonly<{ name: FailpointName; passes: number }> | undefined;
  /** What is odd about the environment and stops nothing, one sentence each. */
  warnings: readonly string[];
}>;

/** One domain of the process: its own settings, and its channel at each broker. */
export type DomainConfig = Readonly<{
  name: string;
  settings: object;
  natsStreaming: NatsStreamingConfig;
  jetStream: JetStreamConfig;
  kafka: KafkaConfig;
  /** Undefined if events wait in the outbox. */
  outbox: OutboxConfig | undefined;
}>;

/** What the configuration has to know of a domain. */
export type ConfigurableDomain = Readonly<{
  name: string;
  channelPrefix?: string;
  settings: SettingsOf<object>;
  checkSettings?(settings: object, reached: string | undefined): readonly string[];
}>;

export type TracingConfig = Readonly<{
  exporter: "jaeger" | "otlp";
  sampler: SamplerName;
  /** For samplers by ratio: the fraction of the traces, from 0 to 1. */
  ratio: number;
  /** Traces of requests, and traces of messages, that may start in a second. */
  perSecondMax: number;
}>;

export type SamplerName = (typeof SAMPLER_NAMES)[number];

/** One for each of the flow, readers, operators and audits is the least; more than the default rarely makes it quicker. */
export const DATABASE_CONNECTIONS = { min: 4, byDefault: 17 } as const;

/**
 * Reads the whole configuration.
 * @param known every domain that can be named in DOMAINS; the first one runs by default.
 * @throws ConfigError with every problem at once.
 */
export function loadConfig(known: readonly ConfigurableDomain[], env: Environment = process.env): Config {
  const reader = new EnvironmentReader(env, SECRETS);
  const { read, problems } = reader;
  const names = known.map(({ name }) => name);
  const databaseUrl = read("DATABASE_URL", undefined, postgresUrl);
  const running = read("DOMAINS", names[0], listOf(names));
  const config: Config = {
    databaseUrl,
    migrationDatabaseUrl: env.MIGRATION_DATABASE_URL
      ? read("MIGRATION_DATABASE_URL", undefined, postgresUrl)
      : databaseUrl,
    databaseConnectionsMax: read(
      "DATABASE_CONNECTIONS_MAX",
      String(DATABASE_CONNECTIONS.byDefault),
      integerBetween(DATABASE_CONNECTIONS.min, 1_000),
    ),
    sources: read("SOURCES", "nats-streaming,http", listOf(SOURCE_NAMES)),
    domains: known // If DOMAINS is invalid, the settings of all are checked.
      .filter(({ name }) => running?.includes(name) ?? true)
      .map((domain) => readDomain(reader, domain)),
    httpHost: read("HTTP_HOST", "127.0.0.1", hostName),
    httpPort: read("HTTP_PORT", "3000", integerBetween(0, 65_535)),
    grpcHost: read("GRPC_HOST", "127.0.0.1", hostName),
    grpcPort: read("GRPC_PORT", "50051", integerBetween(0, 65_535)),
    httpKeepAliveSeconds: read("HTTP_KEEP_ALIVE_SECONDS", "75", integerBetween(1, 3_600)),
    publicUrls: read("PUBLIC_URL", "", publicUrls),
    trustedProxies: read("TRUSTED_PROXIES", "", networks),
    adminToken: read("ADMIN_TOKEN", "", token),
    ingressToken: read("INGRESS_TOKEN", "", tokenOfAnyLength),
    payloadBytesMax: read("PAYLOAD_BYTES_MAX", String(MEBIBYTE), integerBetween(1, 64 * MEBIBYTE)),
    inboxBufferBytesMax: read(
      "INBOX_BUFFER_BYTES_MAX",
      String(32 * MEBIBYTE),
      integerBetween(64 * 1024, 2 ** 34),
    ),
    logLevel: read("LOG_LEVEL", "info", logLevel),
    tracing: readTracing(read),
    failpoint: read("WAYBILL_FAILPOINT", "", failpointPass),
    warnings: misspeltVariables(Object.keys(env), settingsOf(known, reader)),
  };
  problems.push(...unknownChannels(known, env));
  if (problems.length === 0) problems.push(...contradictions(config, known));
  // Perhaps the variable that is missing was misspelt.
  if (problems.length > 0) problems.push(...config.warnings.filter((warning) => !isAbout(warning, problems)));
  reader.finish();
  return Object.freeze(config);
}

/** The parts of the configuration that tools need as well. @throws ConfigError */
export const loadTracing = (env: Environment = process.env) => loadPart(env, readTracing);
export const loadNatsStreaming = (
  domain: ConfigurableDomain,
  env: Environment = process.env,
): NatsStreamingConfig => loadPart(env, (read) => readNatsStreaming(read, channelsOf(domain)));
export const loadKafka = (domain: ConfigurableDomain, env: Environment = process.env): KafkaConfig =>
  loadPart(env, (read) => readKafka(read, channelsOf(domain)));
export const loadJetStream = (domain: ConfigurableDomain, env: Environment = process.env): JetStreamConfig =>
  loadPart(env, (read) => readJetStream(read, channelsOf(domain)));

/** The settings of one domain, for a command that needs nothing else. @throws ConfigError */
export function loadSettings(domain: ConfigurableDomain, env: Environment = process.env): object {
  const reader = new EnvironmentReader(env, SECRETS);
  const settings = reader.readSettings(domain.settings);
  if (reader.problems.length === 0)
    reader.problems.push(...(domain.checkSettings?.(settings, undefined) ?? []));
  reader.finish();
  return settings;
}

function loadPart<T>(env: Environment, readPart: (read: Read) => T): T {
  const reader = new EnvironmentReader(env, SECRETS);
  const part = readPart(reader.read);
  reader.finish();
  return part;
}

function readDomain(reader: EnvironmentReader, domain: ConfigurableDomain): DomainConfig {
  const { read } = reader;
  const channels = channelsOf(domain);
  return {
    name: domain.name,
    settings: reader.readSettings(domain.settings),
    natsStreaming: readNatsStreaming(read, channels),
    jetStream: readJetStream(read, channels),
    kafka: readKafka(read, channels),
    outbox: readOutbox(read, channels),
  };
}

/** After how long the brokers of these domains deliver a message again that was not acknowledged. */
export function ackWaitsOf(domains: readonly DomainConfig[]): number[] {
  return domains.flatMap(({ natsStreaming, jetStream }) => [
    natsStreaming.ackWaitSeconds,
    jetStream.ackWaitSeconds,
  ]);
}

/** How the channels of a domain are named. */
export function channelsOf({ name, channelPrefix }: ConfigurableDomain): DomainChannels {
  return { name, prefix: channelPrefix ?? `${name.toUpperCase()}_` };
}

/** The names of all settings: those that were read, and those of domains that do not run here. */
function settingsOf(known: readonly ConfigurableDomain[], { names }: EnvironmentReader): ReadonlySet<string> {
  const settings = new Set([...names, "MIGRATION_DATABASE_URL"]);
  for (const domain of known) {
    const { prefix } = channelsOf(domain);
    for (const name of CHANNEL_VARIABLES) settings.add(`${prefix}${name}`);
    for (const variable of variablesOf(domain.settings)) settings.add(variable);
  }
  return settings;
}

/** The variables of the OpenTelemetry specification, and a bound. The SDK reads the others itself. */
function readTracing(read: Read): TracingConfig | undefined {
  const exporter = read("OTEL_TRACES_EXPORTER", "none", tracesExporter);
  const sampler = read("OTEL_TRACES_SAMPLER", "parentbased_always_on", tracesSampler);
  const ratio = read("OTEL_TRACES_SAMPLER_ARG", "1", share);
  const perSecondMax = read("TRACES_PER_SECOND_MAX", "20", integerBetween(1, 1_000_000));
  return exporter === "none" ? undefined : { exporter, sampler, ratio, perSecondMax };
}

/** A channel variable whose prefix belongs to no domain: most likely misspelt, and its messages would never be read. */
function unknownChannels(known: readonly ConfigurableDomain[], env: Environment): string[] {
  const prefixes = new Set(known.map((domain) => channelsOf(domain).prefix));
  const problems: string[] = [];
  for (const [variable, value] of Object.entries(env)) {
    const ending = CHANNEL_VARIABLES.find((name) => variable === name || variable.endsWith(`_${name}`));
    if (!ending || !value || prefixes.has(variable.slice(0, -ending.length))) continue;
    const names = known.map(({ name }) => name).join(", ");
    problems.push(`${variable} names the channel of a domain that does not exist; the domains are ${names}`);
  }
  return problems;
}

/** Whether a problem already names the variable of the warning. */
function isAbout(warning: string, problems: readonly string[]): boolean {
  const [variable] = warning.split(" ");
  return problems.some((problem) => problem.startsWith(`${variable} `));
}

/** Rules that no single variable can break. */
function contradictions(config: Config, known: readonly ConfigurableDomain[]): string[] {
  const reached = reachedBy(config);
  const problems: string[] = [...sharedChannels(config)];
  for (const { name, settings } of config.domains) {
    const domain = known.find((one) => one.name === name);
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
  const { grpcHost, ingressToken } = config;
  const reachedByCalls = isLoopback(grpcHost) ? reached : `GRPC_HOST is "${grpcHost}"`;
  if (ingressToken === undefined && !isLoopback(grpcHost))
    problems.push(`INGRESS_TOKEN must be set because ${reachedByCalls}, which others can reach`);
  if (ingressToken !== undefined && ingressToken.length < TOKEN_LENGTH_MIN && reachedByCalls !== undefined) {
    problems.push(
      `INGRESS_TOKEN must have at least ${TOKEN_LENGTH_MIN} characters because ${reachedByCalls}, which others can reach`,
    );
  }
  if (reached === undefined) return problems;
  const elsewhere = `must be set because ${reached}, which others can reach`;
  if (config.adminToken === undefined) problems.push(`ADMIN_TOKEN ${elsewhere}`);
  if (config.ingressToken === undefined && config.sources.includes("http")) {
    problems.push(`INGRESS_TOKEN ${elsewhere} and the http source runs`);
  }
  return problems;
}

/** The setting by which others than this machine can reach the service; undefined if there is none. */
export function reachedBy({ httpHost, publicUrls }: Config): string | undefined {
  const publicUrl = publicUrls.find((url) => !isLoopback(new URL(url).hostname));
  if (publicUrl !== undefined) return `PUBLIC_URL is "${publicUrl}"`;
  return isLoopback(httpHost) ? undefined : `HTTP_HOST is "${httpHost}"`;
}

/** What finds room in an empty inbox: its own part of the one half of the buffer, and all of the other: byte-budget.ts. */
function largestPayload({ inboxBufferBytesMax, domains }: Config): number {
  const half = inboxBufferBytesMax / 2;
  return Math.floor(half + half / domains.length) - MESSAGE_OVERHEAD_BYTES;
}

/** Two domains on one channel: each message would reach whichever of them the broker chose. */
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
    const takenBy = new Map<string, string>();
    for (const domain of domains) {
      const channel = channelOf[source](domain);
      const other = takenBy.get(channel);
      if (other === undefined) takenBy.set(channel, domain.name);
      else
        problems.push(
          `the domains ${other} and ${domain.name} both read the channel "${channel}" of ${source}`,
        );
    }
  }
  return problems;
}

/** The URL at which a host answers; an IPv6 address needs brackets in it. */
export function httpUrl(host: string, port: number): string {
  return `http://${isIPv6(host) ? `[${host}]` : host}:${port}`;
}

/** Whether only this machine can reach the address. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || host === "[::1]" || /^127(\.\d{1,3}){3}$/.test(host);
}

/** What a buffered message costs beside its payload: two objects, a map entry, its key and id. Measured: about 600. */
export const MESSAGE_OVERHEAD_BYTES = 600;

const MEBIBYTE = 1024 * 1024;

/** URLs carry passwords, so they count as secrets like the tokens do. */
const SECRETS: ReadonlySet<string> = new Set([
  "DATABASE_URL",
  "MIGRATION_DATABASE_URL",
  "NATS_URL",
  "JETSTREAM_URL",
  "KAFKA_SASL_PASSWORD",
  "ADMIN_TOKEN",
  "INGRESS_TOKEN",
]);
