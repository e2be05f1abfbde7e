import { spawnSync } from "node:child_process";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type DomainConfig, httpUrl, loadConfig } from "../src/config/config.ts";
import { ConfigError } from "../src/config/read.ts";
import { DOMAINS } from "../src/domains/index.ts";
import { COMPILED } from "../tools/stack/compiled.ts";
import { ledger } from "./support/ledger/index.ts";

const config = suite("config");
const DATABASE_URL = "postgres://waybill:secret-password@127.0.0.1/waybill";

const problemsOf = (environment: Record<string, string>, known = DOMAINS): readonly string[] => {
  try {
    loadConfig(known, environment);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
};

config("the defaults are those of the documentation", () => {
  const { domains, ...rest } = loadConfig(DOMAINS, { DATABASE_URL });
  assert.is(domains.length, 1);
  const { natsStreaming, kafka, ...domain } = domains[0] as DomainConfig;
  const { clientId: stanClientId, ...restOfNatsStreaming } = natsStreaming;
  const { clientId, ...restOfKafka } = kafka;
  for (const id of [stanClientId, clientId]) assert.match(id, /^waybill-[A-Za-z0-9_-]+-\d+$/);
  assert.equal(restOfKafka, {
    brokers: ["127.0.0.1:9092"],
    topic: "orders",
    groupId: "waybill",
    groupProtocol: "auto",
    newTopicPartitions: 0,
    tls: undefined,
    sasl: undefined,
  });
  assert.equal(restOfNatsStreaming, {
    url: "nats://127.0.0.1:4222",
    clusterId: "test-cluster",
    channel: "orders",
    durable: "waybill",
    queueGroup: "waybill",
    ackWaitSeconds: 30,
  });
  assert.equal(domain, {
    name: "orders",
    settings: { cacheBytesMax: 512 * 1024 ** 2 },
    jetStream: {
      url: "nats://127.0.0.1:4222",
      stream: "orders",
      subject: undefined,
      durable: "waybill",
      ackWaitSeconds: 30,
      newStreamSubject: undefined,
      tls: undefined,
      credentials: undefined,
    },
    // Without brokers, events wait in the outbox.
    outbox: undefined,
  });
  assert.equal(rest, {
    databaseUrl: DATABASE_URL,
    migrationDatabaseUrl: DATABASE_URL,
    databaseConnectionsMax: 17,
    sources: ["nats-streaming", "http"],
    httpHost: "127.0.0.1",
    httpPort: 3000,
    httpKeepAliveSeconds: 75,
    grpcHost: "127.0.0.1",
    grpcPort: 50051,
    publicUrls: [],
    traceUrl: undefined,
    trustedProxies: [],
    adminToken: undefined,
    ingressToken: undefined,
    operators: undefined,
    payloadBytesMax: 1024 ** 2,
    inboxBufferBytesMax: 32 * 1024 ** 2,
    logLevel: "info",
    tracing: undefined,
    notify: {
      url: undefined,
      format: "generic",
      secret: undefined,
      surgeLetters: 20,
      stalledSeconds: 30,
      disconnectedSeconds: 30,
    },
    failpoint: undefined,
    warnings: [],
  });
  assert.ok(Object.isFrozen(loadConfig(DOMAINS, { DATABASE_URL })));
});

config("PUBLIC_URL has the origins of one or several URLs, and what others can reach needs tokens", () => {
  const tokens = { ADMIN_TOKEN: "x".repeat(16), INGRESS_TOKEN: "y".repeat(16) };
  const text = "https://Waybill.example:443/, http://10.0.0.1:8080";
  const { publicUrls } = loadConfig(DOMAINS, { DATABASE_URL, PUBLIC_URL: text, ...tokens });
  assert.equal(publicUrls, ["https://waybill.example", "http://10.0.0.1:8080"]);
  for (const wrong of [
    "waybill.example",
    "https://a.example/path",
    "https://u:p@a.example",
    "ftp://a.example",
    ",",
  ])
    assert.match(
      problemsOf({ DATABASE_URL, PUBLIC_URL: wrong, ...tokens }).join(),
      "PUBLIC_URL must be",
      wrong,
    );
  assert.match(
    problemsOf({ DATABASE_URL, PUBLIC_URL: "https://a.example" }).join(),
    "ADMIN_TOKEN must be set",
  );
  assert.equal(problemsOf({ DATABASE_URL, PUBLIC_URL: "http://localhost:8080" }), []);
});

config("a misspelt setting is named, with the setting that it resembles", () => {
  const warningsOf = (...names: string[]) =>
    loadConfig(DOMAINS, { DATABASE_URL, ...Object.fromEntries(names.map((name) => [name, "1"])) }).warnings;
  const misspelt: [name: string, meant?: string][] = [
    ["STAN_CHANEL", "STAN_CHANNEL"],
    ["STAN_QUEUE"],
    ["JETSTREAM_STREMA", "JETSTREAM_STREAM"],
    ["KAFKA_BROKER", "KAFKA_BROKERS"],
    ["KAFAK_BROKERS", "KAFKA_BROKERS"],
    ["HTTP_PROT", "HTTP_PORT"],
    ["NATS_URI", "NATS_URL"],
    ["CACHE_BYTE_MAX", "CACHE_BYTES_MAX"],
    ["INBOX_BYTES_MAX"],
    ["PAYLOAD_BYTES"],
    ["INGRESS_TOKENS", "INGRESS_TOKEN"],
    ["OTEL_TRACE_EXPORTER", "OTEL_TRACES_EXPORTER"],
  ];
  for (const [name, meant] of misspelt) {
    const [warning = "", ...more] = warningsOf(name);
    assert.equal(more, []);
    assert.ok(warning.startsWith(`${name} is not a setting and has no effect`), `${name}: ${warning}`);
    if (meant) assert.match(warning, `did you mean ${meant}?`);
  }
});

config("variables of other programs are none of ours", () => {
  const foreign = [
    ..."HTTP_PROXY HTTPS_PORT SMTP_HOST SMTP_PORT FTP_HOST KAFKA_HOME KAFKA_OPTS KAFKA_HEAP_OPTS".split(" "),
    ..."CACHE_DIR CACHE_URL NATS_SERVER NATS_STREAMING_SERVER OTEL_SERVICE_NAME OTEL_EXPORTER_OTLP_ENDPOINT".split(
      " ",
    ),
    ..."LOG_FILE LOG_DIR DOMAIN SOURCE HOST PORT PATH HOME NODE_ENV DATABASE_HOST ADMIN_EMAIL".split(" "),
    ..."STAN_SERVICE_HOST STAN_PORT STAN_PORT_4222_TCP_ADDR JETSTREAM_SERVICE_PORT_CLIENT".split(" "),
  ];
  assert.equal(
    loadConfig(DOMAINS, { DATABASE_URL, ...Object.fromEntries(foreign.map((name) => [name, "1"])) }).warnings,
    [],
  );
});

config("settings of a domain that does not run are settings", () => {
  const known = [...DOMAINS, ledger];
  const environment = {
    DATABASE_URL,
    DOMAINS: "orders",
    LEDGER_KAFKA_TOPIC: "ledger",
    LEDGER_STAN_CHANEL: "x",
  };
  const [warning = "", ...more] = loadConfig(known, environment).warnings;
  assert.match(warning, "did you mean LEDGER_STAN_CHANNEL?");
  assert.equal(more, []);
  const other = { DATABASE_URL, DOMAINS: "ledger", CACHE_BYTES_MAX: "1", CACHE_BYTE_MAX: "1" };
  assert.equal(loadConfig(known, other).warnings, [
    "CACHE_BYTE_MAX is not a setting and has no effect; did you mean CACHE_BYTES_MAX?",
  ]);
});

config("what is missing may have been misspelt, and then both are said", () => {
  assert.equal(problemsOf({ DATABSE_URL: "postgres://x" }), [
    "DATABASE_URL is required",
    "DATABSE_URL is not a setting and has no effect; did you mean DATABASE_URL?",
  ]);
});

config(
  "DATABASE_URL is what the driver can connect to, and nothing that it would take for something else",
  () => {
    const good = [
      "postgres://waybill:secret@db.example/waybill",
      "postgresql://waybill@[::1]:6432/waybill?sslmode=no-verify",
      "postgres://db.example/waybill?user=waybill&password=secret",
      "postgres:///waybill?host=/var/run/postgresql",
      "postgres://waybill:secret@%2Fvar%2Frun%2Fpostgresql/waybill",
      "postgres://waybill:100%25@db.example/waybill",
    ];
    const bad = [
      " postgres://waybill:secret@db.example/waybill",
      "postgres://waybill:secret@db.example/waybill\n",
      "postgres://waybill:%zz@db.example/waybill",
      "postgres://way%zzbill@db.example/waybill",
      "postgres://",
      "postgres:///waybill",
      "postgres://waybill@db.example:99999/waybill",
      "postgres://waybill@db.example/waybill?sslrootcert=/nowhere",
      "mysql://waybill@db.example/waybill",
      "waybill",
    ];
    for (const url of good) assert.equal(problemsOf({ DATABASE_URL: url }), [], url);
    for (const url of bad) {
      assert.is(problemsOf({ DATABASE_URL: url }).length, 1, url);
      assert.is(problemsOf({ DATABASE_URL, MIGRATION_DATABASE_URL: url }).length, 1, url);
    }
    assert.not.match(problemsOf({ DATABASE_URL: bad[2] as string }).join(), "%zz");
  },
);

config("every problem is reported at once, each by its name", () => {
  const problems = problemsOf({
    SOURCES: "rabbit",
    DOMAINS: "orders,wallets",
    NATS_URL: "http://x",
    STAN_CLIENT_ID: "a b",
    STAN_CHANNEL: "orders.*",
    HTTP_PORT: "70000",
    ADMIN_TOKEN: "short",
    TRACE_URL: "http://jaeger.example/trace/",
    PAYLOAD_BYTES_MAX: "1e6",
    INBOX_BUFFER_BYTES_MAX: "-1",
    CACHE_BYTES_MAX: "1.5",
    LOG_LEVEL: "loud",
  });
  const names = problems.map((problem) => problem.split(" ")[0]);
  assert.equal(names.sort(), [
    "ADMIN_TOKEN",
    "CACHE_BYTES_MAX",
    // The running domains are unknown, so the settings of all are required.
    "CART_LOMS_URL",
    "CART_PRODUCT_URL",
    "DATABASE_URL",
    "DOMAINS",
    "HTTP_PORT",
    "INBOX_BUFFER_BYTES_MAX",
    "LOG_LEVEL",
    "NATS_URL",
    "PAYLOAD_BYTES_MAX",
    "SOURCES",
    "STAN_CHANNEL",
    "STAN_CLIENT_ID",
    "TRACE_URL",
  ]);
});

config(
  "NATS_URL takes several servers, IPv6 addresses and encoded credentials, and no broken encoding",
  () => {
    for (const [url, isGood] of [
      ["nats://one:4222, tls://two", true],
      ["nats://[::1]:4222", true],
      ["nats://user:p%40ss@one", true],
      ["nats://user:%zz@one", false],
      ["nats://one,http://two", false],
      ["nats://one,", false],
    ] as const) {
      for (const name of ["NATS_URL", "JETSTREAM_URL"]) {
        assert.is(problemsOf({ DATABASE_URL, [name]: url }).length === 0, isGood, `${name}=${url}`);
      }
    }
  },
);

config("what is wrong with a broker's variables is said by their names, and passwords are not shown", () => {
  const problems = problemsOf({
    DATABASE_URL,
    KAFKA_BROKERS: "one, two:x",
    KAFKA_TOPIC: "or ders",
    KAFKA_GROUP_PROTOCOL: "eager",
    KAFKA_CREATE_TOPIC: "yes",
    KAFKA_SASL_MECHANISM: "GSSAPI",
    KAFKA_TLS: "1",
    KAFKA_TLS_CA_FILE: "/no/such/file.pem",
    JETSTREAM_URL: "http://user:secret-password@x",
    JETSTREAM_STREAM: "a.b",
    JETSTREAM_SUBJECT: "a..b",
    JETSTREAM_CREATE_STREAM: "maybe",
  });
  assert.is(problems.length, 11, problems.join("\n"));
  assert.not.match(problems.join(), "secret-password");
  for (const [subject, isGood] of [
    ["orders", true],
    ["orders.*.created", true],
    ["orders.>", true],
    ["*", true],
    [">.orders", false],
    ["or*ders", false],
    ["orders.", false],
  ] as const) {
    assert.is(problemsOf({ DATABASE_URL, JETSTREAM_SUBJECT: subject }).length === 0, isGood, subject);
  }
  const sasl = { DATABASE_URL, KAFKA_SASL_MECHANISM: "SCRAM-SHA-512", KAFKA_SASL_USERNAME: "waybill" };
  assert.match(problemsOf(sasl).join(), "KAFKA_SASL_PASSWORD");
  assert.equal(problemsOf({ ...sasl, KAFKA_SASL_PASSWORD: "x" }), []);
});

config("an address that others can reach wants tokens", () => {
  const open = { DATABASE_URL, HTTP_HOST: "0.0.0.0" };
  assert.is(problemsOf(open).length, 2);
  assert.is(problemsOf({ ...open, SOURCES: "nats-streaming" }).length, 1);
  assert.is(problemsOf({ ...open, ADMIN_TOKEN: "x".repeat(16), INGRESS_TOKEN: "y".repeat(16) }).length, 0);
  for (const host of ["localhost", "::1", "127.0.0.53"])
    assert.is(problemsOf({ DATABASE_URL, HTTP_HOST: host }).length, 0);
  assert.is(problemsOf({ DATABASE_URL, HTTP_HOST: "127.0.0.1.example" }).length, 2);
});

config("an address is written as a URL has it", () => {
  const written = ["::1", "127.0.0.1", "waybill.internal"].map((host) => httpUrl(host, 3000));
  assert.equal(written, ["http://[::1]:3000", "http://127.0.0.1:3000", "http://waybill.internal:3000"]);
});

config("an empty SOURCES means the default, and one that names no source is refused", () => {
  assert.equal(loadConfig(DOMAINS, { DATABASE_URL, SOURCES: "" }).sources, ["nats-streaming", "http"]);
  for (const none of [" ", ",", "http,", "none"])
    assert.match(problemsOf({ DATABASE_URL, SOURCES: none }).join(), /^SOURCES must be/);
});

config("a payload that could never be held is a contradiction", () => {
  assert.match(
    problemsOf({ DATABASE_URL, PAYLOAD_BYTES_MAX: "2000000", INBOX_BUFFER_BYTES_MAX: "1000000" }).join(),
    "PAYLOAD_BYTES_MAX",
  );
});

config("the process says all of it, prints no secret and no stack, and ends with 2", () => {
  const { status, stderr, stdout } = spawnSync(process.execPath, ["src/main.ts"], {
    env: {
      PATH: process.env.PATH,
      ...COMPILED,
      DATABASE_URL: "mysql://waybill:secret-password@db/waybill",
      ADMIN_TOKEN: "secret tok",
      NATS_URL: "redis://user:secret-broker@x",
      HTTP_PORT: "x",
    },
    encoding: "utf8",
  });
  assert.is(status, 2);
  for (const name of ["DATABASE_URL", "ADMIN_TOKEN", "NATS_URL", "HTTP_PORT"]) assert.match(stderr, name);
  assert.not.match(stderr + stdout, "secret");
  assert.not.match(stderr, /^\s+at /m);
});

config("the service says of a misspelt setting that it has no effect", () => {
  const { status, stdout, stderr } = spawnSync(process.execPath, ["src/main.ts"], {
    env: {
      PATH: process.env.PATH,
      ...COMPILED,
      DATABASE_URL: "postgres://waybill@127.0.0.1:1/waybill",
      STAN_CHANEL: "orders-eu",
      // An address of no machine: the service ends before it waits for its database.
      HTTP_HOST: "192.0.2.1",
      ADMIN_TOKEN: "0123456789abcdef",
      INGRESS_TOKEN: "0123456789abcdef",
    },
    encoding: "utf8",
    timeout: 60_000,
  });
  assert.is(status, 2);
  assert.match(stderr, /EADDRNOTAVAIL.*: set HTTP_HOST and HTTP_PORT/);
  const warnings = stdout.split("\n").filter((line) => line.includes("STAN_CHANEL"));
  assert.is(warnings.length, 1);
  assert.match(warnings[0] ?? "", /"level":"?(40|warn)"?/);
});

config.run();
