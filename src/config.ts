/**
 * The environment enters, a frozen and validated Config leaves. Every problem is found before any is reported,
 * so that a person mends a configuration in one go. No value of a secret is ever part of a message.
 */
import { hostname } from "node:os";
import { type } from "arktype";
import { FAILPOINTS, type FailpointName } from "./failpoint.ts";

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

export type TracingConfig = Readonly<{
  exporter: "jaeger" | "otlp";
  sampler: SamplerName;
  /** Of the samplers by ratio: which share of the traces, from 0 to 1. */
  ratio: number;
  /** How many traces of requests, and how many of messages, may begin in a second. */
  perSecondMax: number;
}>;

export type SamplerName = (typeof SAMPLER_NAMES)[number];
export type SourceName = (typeof SOURCE_NAMES)[number];
export type DomainName = (typeof DOMAIN_NAMES)[number];

/** An arktype that makes a T of a text. */
type Rule<T> = ((text: unknown) => unknown) & { infer: T };

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
  const read = <T>(name: string, fallback: string | undefined, rule: Rule<T>): T =>
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
export function loadTracing(env: NodeJS.ProcessEnv = process.env): TracingConfig | undefined {
  const problems: string[] = [];
  const tracing = readTracing(
    <T>(name: string, fallback: string, rule: Rule<T>) =>
      readVariable(env, problems, name, fallback, rule) as T,
  );
  if (problems.length > 0) throw new ConfigError(problems);
  return tracing;
}

/** The variables of the OpenTelemetry specification, and a bound; those that only its SDK reads are left to it. */
function readTracing(
  read: <T>(name: string, fallback: string, rule: Rule<T>) => T,
): TracingConfig | undefined {
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

function urlWith(protocols: readonly string[], described: string) {
  return type("string").pipe((text, context) => {
    const url = URL.canParse(text) ? new URL(text) : undefined;
    return url && protocols.includes(url.protocol) && url.hostname !== "" ? text : context.error(described);
  });
}

function listOf<const Name extends string>(names: readonly Name[]) {
  const described = `a comma-separated list of one or more of: ${names.join(", ")}`;
  return type("string").pipe((text, context) => {
    const given = [...new Set(text.split(",").map((part) => part.trim()))];
    return given.every((part) => (names as readonly string[]).includes(part))
      ? (given as Name[])
      : context.error(described);
  });
}

function oneOf<const Name extends string>(names: readonly Name[]) {
  return type("string").pipe((text, context) =>
    (names as readonly string[]).includes(text)
      ? (text as Name)
      : context.error(`one of ${names.join(", ")}`),
  );
}

function integerBetween(low: number, high: number) {
  return type("string").pipe((text, context) => {
    const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
    return value >= low && value <= high ? value : context.error(`a whole number from ${low} to ${high}`);
  });
}

function matching(pattern: RegExp, described: string) {
  return type("string").pipe((text, context) => (pattern.test(text) ? text : context.error(described)));
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
const SOURCE_NAMES = ["nats-streaming", "http"] as const;
const DOMAIN_NAMES = ["orders"] as const;

/** URLs carry passwords, so they count as secrets like the tokens do. */
const SECRETS = new Set([
  "DATABASE_URL",
  "MIGRATION_DATABASE_URL",
  "NATS_URL",
  "ADMIN_TOKEN",
  "INGRESS_TOKEN",
]);

const postgresUrl = urlWith(
  ["postgres:", "postgresql:"],
  "a PostgreSQL URL such as postgres://user:password@127.0.0.1:5432/waybill",
);
const natsUrl = urlWith(["nats:", "tls:"], "a NATS URL such as nats://127.0.0.1:4222");
const brokerName = matching(/^[A-Za-z0-9_-]{1,128}$/, "1 to 128 letters, digits, - or _");
const channelName = matching(
  /^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$/,
  "a channel name of letters, digits, - and _, with dots between the parts",
);
const hostName = matching(/^[A-Za-z0-9.:_-]+$/, "a host name or an IP address");
const logLevel = oneOf(["trace", "debug", "info", "warn", "error", "fatal", "silent"]);
const tracesExporter = oneOf(["jaeger", "otlp", "none"]);

/** Those of the OpenTelemetry specification, "General SDK Configuration". */
const SAMPLER_NAMES = [
  "always_on",
  "always_off",
  "traceidratio",
  "parentbased_always_on",
  "parentbased_always_off",
  "parentbased_traceidratio",
] as const;
const tracesSampler = oneOf(SAMPLER_NAMES);
const share = type("string").pipe((text, context) =>
  /^(0(\.\d+)?|1(\.0+)?)$/.test(text) ? Number(text) : context.error("a share from 0 to 1, such as 0.01"),
);

/** Short tokens can be guessed; no token at all is decided by where the service listens. */
const token = type("string").pipe((text, context) => {
  if (text === "") return undefined;
  return /^[\x21-\x7e]{16,}$/.test(text)
    ? text
    : context.error("at least 16 printable ASCII characters without spaces");
});

/** Where the process is to kill itself, and at which pass through that place: for tests alone. */
const failpointPass = type("string").pipe((text, context) => {
  if (text === "") return undefined;
  const [name, passes = ""] = text.split(":");
  const known = FAILPOINTS.find((one) => one === name);
  return known && /^[1-9]\d{0,8}$/.test(passes)
    ? { name: known, passes: Number(passes) }
    : context.error(`<place>:<pass>, with one of the places ${FAILPOINTS.join(", ")}`);
});
