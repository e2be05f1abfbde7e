/** How settings name domains and their channels. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { loadConfig } from "../src/config/config.ts";
import { ConfigError } from "../src/config/read.ts";
import { DOMAINS } from "../src/domains/index.ts";
import { ledger } from "./support/ledger/index.ts";

const config = suite("config of domains");
const DATABASE_URL = "postgres://waybill@127.0.0.1/waybill";

const namesOf = (known: typeof DOMAINS) => known.map(({ name }) => name).join(", ");
const problemsOf = (environment: Record<string, string>, known = DOMAINS): readonly string[] => {
  try {
    loadConfig(known, environment);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
};

config("DOMAINS names domains that exist, each once, and the first one runs by default", () => {
  const known = [...DOMAINS, ledger];
  const problems = (given: Record<string, string>) => problemsOf({ DATABASE_URL, ...given }, known);
  assert.equal(problems({ DOMAINS: "orders,ledger" }), []);
  for (const names of ["orders,orders", "orders,legder", "orders,", ","]) {
    const [problem = "", ...others] = problems({ DOMAINS: names });
    assert.match(problem, /^DOMAINS must be /, names);
    assert.match(problem, `${namesOf(known)}; each once`, names);
    // The running domains are unknown, so the settings of all are required.
    assert.equal(
      others.filter((other) => !other.endsWith(" is required")),
      [],
    );
  }
  const { domains } = loadConfig(known, { DATABASE_URL });
  assert.equal(
    domains.map(({ name }) => name),
    ["orders"],
  );
});

config("each domain reads the channel that bears its name, or the one that its variables name", () => {
  const known = [...DOMAINS, ledger];
  const both = { DATABASE_URL, DOMAINS: "ledger,orders", KAFKA_TOPIC: "one", LEDGER_KAFKA_TOPIC: "two" };
  const [of, other] = loadConfig(known, { ...both, STAN_CLIENT_ID: "here", KAFKA_GROUP_ID: "group" }).domains;
  assert.equal([of?.name, of?.kafka.topic, of?.natsStreaming.channel], ["orders", "one", "orders"]);
  assert.equal([other?.name, other?.kafka.topic, other?.natsStreaming.channel], ["ledger", "two", "ledger"]);
  assert.is(other?.jetStream.stream, "ledger");
  // Two domains of a process are two clients of a broker, and two Kafka groups.
  assert.equal([of?.natsStreaming.clientId, other?.natsStreaming.clientId], ["here", "here-ledger"]);
  assert.equal([of?.kafka.groupId, other?.kafka.groupId], ["group", "group-ledger"]);
});

config("two domains on one channel, and a channel of a domain that does not exist, are refused", () => {
  const known = [...DOMAINS, ledger];
  const both = { DATABASE_URL, DOMAINS: "orders,ledger", SOURCES: "nats-streaming,kafka,http" };
  assert.equal(problemsOf({ ...both, LEDGER_STAN_CHANNEL: "orders" }, known), [
    'the domains orders and ledger both read the channel "orders" of nats-streaming',
  ]);
  // A source that does not run needs no channel.
  assert.equal(problemsOf({ ...both, LEDGER_JETSTREAM_STREAM: "orders" }, known), []);
  assert.equal(problemsOf({ ...both, LEGDER_KAFKA_TOPIC: "x" }, known), [
    `LEGDER_KAFKA_TOPIC names the channel of a domain that does not exist; the domains are ${namesOf(known)}`,
  ]);
  // Processes often share one settings file, so channels of other domains are allowed.
  assert.equal(problemsOf({ ...both, DOMAINS: "orders", LEDGER_KAFKA_TOPIC: "x" }, known), []);
});

config.run();
