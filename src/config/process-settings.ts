/** The engine's settings, except those of brokers: broker-settings.ts. */
import { operatorsFile } from "./operators-file.ts";
import {
  failpointPass,
  hostName,
  integerBetween,
  listOf,
  logLevel,
  networks,
  postgresUrl,
  postgresUrlIfAny,
  publicUrls,
  ratio,
  token,
  tokenOfAnyLength,
  tracesExporter,
  tracesSampler,
  traceUrl,
} from "./rules.ts";
import type { Settings } from "./settings.ts";
import { SOURCE_NAMES } from "./sources.ts";

/** Four: one connection each for the flow, readers, operators and audits. More than 17 rarely make it faster. */
export const DATABASE_CONNECTIONS = { min: 4, byDefault: 17 } as const;

const MEBIBYTE = 1024 * 1024;

export const DATABASE_SETTINGS = {
  databaseUrl: {
    variable: "DATABASE_URL",
    fallback: undefined,
    rule: postgresUrl,
    description: "PostgreSQL URL of the service's own role, which may only INSERT and SELECT in the inbox.",
    example: "postgres://waybill:change-me@127.0.0.1:5432/waybill",
    isUsuallySet: true,
    isSecret: true,
  },
  migrationDatabaseUrl: {
    variable: "MIGRATION_DATABASE_URL",
    fallback: "",
    rule: postgresUrlIfAny,
    description: "PostgreSQL URL of the owner role, which `migrate` and `rebuild` use.",
    fallbackText: "`DATABASE_URL`",
    example: "postgres://waybill_owner:change-me@127.0.0.1:5432/waybill",
    isUsuallySet: true,
    isSecret: true,
  },
  databaseConnectionsMax: {
    variable: "DATABASE_CONNECTIONS_MAX",
    fallback: String(DATABASE_CONNECTIONS.byDefault),
    rule: integerBetween(DATABASE_CONNECTIONS.min, 1_000),
    description: `Most connections that one process of the service opens, at least ${DATABASE_CONNECTIONS.min}. See [operations.md](operations.md).`,
    unit: "connections",
  },
} satisfies Settings;

/** @param domains the names that DOMAINS may hold; the first one is the default. */
export const flowSettings = (domains: readonly string[]) =>
  ({
    sources: {
      variable: "SOURCES",
      fallback: "nats-streaming,http",
      rule: listOf(SOURCE_NAMES),
      description: `Sources that run, separated by commas: ${listed(SOURCE_NAMES)}. See [sources.md](sources.md).`,
    },
    domains: {
      variable: "DOMAINS",
      fallback: domains[0],
      rule: listOf(domains),
      description: `Domains that this process runs, separated by commas: ${listed(domains)}. Each has its own inbox, checkpoint, queue and readiness.`,
    },
    payloadBytesMax: {
      variable: "PAYLOAD_BYTES_MAX",
      fallback: String(MEBIBYTE),
      rule: integerBetween(1, 64 * MEBIBYTE),
      description: "Largest message over HTTP or gRPC.",
      unit: "bytes",
    },
    inboxBufferBytesMax: {
      variable: "INBOX_BUFFER_BYTES_MAX",
      fallback: String(32 * MEBIBYTE),
      rule: integerBetween(64 * 1024, 2 ** 34),
      description: "Bytes that all inboxes of the process may buffer before they are committed.",
      unit: "bytes",
    },
  }) satisfies Settings;

export const HTTP_SETTINGS = {
  httpHost: {
    variable: "HTTP_HOST",
    fallback: "127.0.0.1",
    rule: hostName,
    description:
      "Address that HTTP listens on. If other machines can reach it, `ADMIN_TOKEN` and, with the `http` source, `INGRESS_TOKEN` are required, or `OPERATORS_FILE`.",
  },
  httpPort: {
    variable: "HTTP_PORT",
    fallback: "3000",
    rule: integerBetween(0, 65_535),
    description: "Port of HTTP. 0 picks a free port and logs it.",
  },
  httpKeepAliveSeconds: {
    variable: "HTTP_KEEP_ALIVE_SECONDS",
    fallback: "75",
    rule: integerBetween(1, 3_600),
    description:
      "How long an idle connection stays open. It must be longer than the proxy in front keeps it (often 60 s), or the proxy sends into a closing connection.",
    unit: "seconds",
  },
  publicUrls: {
    variable: "PUBLIC_URL",
    fallback: "",
    rule: publicUrls,
    description:
      "URLs under which browsers reach the service through a proxy, separated by commas. See [proxies.md](proxies.md).",
    example: "https://waybill.example",
  },
  trustedProxies: {
    variable: "TRUSTED_PROXIES",
    fallback: "",
    rule: networks,
    description:
      "Addresses and networks of proxies whose `X-Forwarded-For` is believed, separated by commas. Wrong tokens are counted by client address.",
    example: "127.0.0.1,10.0.0.0/8",
  },
  traceUrl: {
    variable: "TRACE_URL",
    fallback: "",
    rule: traceUrl,
    description:
      "Address of a trace in the pages of the tracing system, with `{trace_id}` in place of its id. The page of a message links to it.",
    example: "http://127.0.0.1:16686/trace/{trace_id}",
  },
  adminToken: {
    variable: "ADMIN_TOKEN",
    fallback: "",
    rule: token,
    description:
      "Bearer token of the operator routes, at least 16 characters. Without it they answer on loopback only.",
    isSecret: true,
  },
  operators: {
    variable: "OPERATORS_FILE",
    fallback: "",
    rule: operatorsFile,
    description:
      "Path of a JSON file with named tokens: operators who sign their actions, readers, and senders. It is read again when it changes. With it every route that needs a token is closed to requests without one. See [operators.md](operators.md).",
    example: "/etc/waybill/operators.json",
  },
  ingressToken: {
    variable: "INGRESS_TOKEN",
    fallback: "",
    rule: tokenOfAnyLength,
    description:
      "Bearer token of HTTP intake and of all gRPC calls. It must have at least 16 characters if other machines can reach the service.",
    isSecret: true,
  },
} satisfies Settings;

export const GRPC_SETTINGS = {
  grpcHost: {
    variable: "GRPC_HOST",
    fallback: "127.0.0.1",
    rule: hostName,
    description:
      "Address that gRPC listens on, without TLS. If other machines can reach it, `INGRESS_TOKEN` or `OPERATORS_FILE` is required. See [calls.md](calls.md).",
  },
  grpcPort: {
    variable: "GRPC_PORT",
    fallback: "50051",
    rule: integerBetween(0, 65_535),
    description: "Port of gRPC. 0 picks a free port and logs it.",
  },
} satisfies Settings;

/** The variables of the OpenTelemetry specification that the service reads itself, and a bound. */
export const TRACING_SETTINGS = {
  exporter: {
    variable: "OTEL_TRACES_EXPORTER",
    fallback: "none",
    rule: tracesExporter,
    description: "Where traces go: `jaeger`, `otlp` or `none`.",
  },
  sampler: {
    variable: "OTEL_TRACES_SAMPLER",
    fallback: "parentbased_always_on",
    rule: tracesSampler,
    description:
      "Which traces are sampled: `always_on`, `always_off` or `traceidratio`, each also with the prefix `parentbased_`.",
  },
  ratio: {
    variable: "OTEL_TRACES_SAMPLER_ARG",
    fallback: "1",
    rule: ratio,
    description: "Fraction of traces that `traceidratio` samples, from 0 to 1.",
  },
  perSecondMax: {
    variable: "TRACES_PER_SECOND_MAX",
    fallback: "20",
    rule: integerBetween(1, 1_000_000),
    description: "Most request traces, and most message traces, that start per second with any sampler.",
    unit: "traces per second",
  },
} satisfies Settings;

export const DIAGNOSTIC_SETTINGS = {
  logLevel: {
    variable: "LOG_LEVEL",
    fallback: "info",
    rule: logLevel,
    description:
      "Least severe level that is logged: `trace`, `debug`, `info`, `warn`, `error`, `fatal` or `silent`. Logs are JSON lines on standard output, and readable text on a terminal.",
  },
  failpoint: {
    variable: "WAYBILL_FAILPOINT",
    fallback: "",
    rule: failpointPass,
    description: "For tests only: `PLACE:N` kills the process at the N-th pass through a place of its code.",
    example: "commit-before-ack:3",
  },
} satisfies Settings;

function listed(names: readonly string[]): string {
  return names.map((name) => `\`${name}\``).join(", ");
}
