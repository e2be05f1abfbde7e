/** The compose file is valid; skipped without a program that can check it. */
import { spawnSync } from "node:child_process";
import { access, readFile } from "node:fs/promises";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { EVENTS_TOPIC } from "../src/domains/loms/events.ts";
import { checkIf } from "./support/check-if.ts";

const compose = suite("compose");
const hasProgram = spawnSync("docker-compose", ["--version"]).status === 0;
const SECRETS = Object.fromEntries(
  ["POSTGRES_PASSWORD", "WAYBILL_OWNER_PASSWORD", "WAYBILL_PASSWORD", "ADMIN_TOKEN", "INGRESS_TOKEN"].map(
    (name) => [name, "x".repeat(20)],
  ),
);
const PROFILES = ["kafka", "jetstream", "marketplace"].flatMap((name) => ["--profile", name]);
const config = (environment: Record<string, string>) =>
  spawnSync("docker-compose", ["-f", "docker-compose.yml", ...PROFILES, "config"], {
    env: { PATH: process.env.PATH ?? "", HOME: process.env.HOME ?? "", ...environment },
    encoding: "utf8",
  });

const check = checkIf(hasProgram, compose);

check("docker-compose.yml is valid and publishes its ports on loopback only", () => {
  const { status, stdout, stderr } = config(SECRETS);
  assert.is(status, 0, stderr);
  const published = [...stdout.matchAll(/^\s+- (\S+):\d+:\d+(\/tcp)?$|host_ip: (\S+)/gm)];
  assert.ok(published.length >= 8, stdout);
  for (const match of published) assert.is(match[1] ?? match[3], "127.0.0.1");
});

check("every image is pinned, everything has a limit, and what it mounts is there", async () => {
  const text = await readFile("docker-compose.yml", "utf8");
  const images = [...text.matchAll(/image: (\S+)/g)].map(([, image]) => image ?? "");
  assert.is(images.length, 13);
  for (const image of images) assert.match(image, /:v?\d+(\.\d+)*$/);
  for (const [, mounted, built] of text.matchAll(/- \.\/(\S+?):|dockerfile: (\S+)/g))
    await access((mounted ?? built) as string);
  const unlimited = [...services()].filter(([, service]) => !/mem_limit:/.test(service));
  // The migration service ends by itself.
  assert.equal(
    unlimited.map(([name]) => name),
    ["marketplace-migrate", "migrate"],
  );
});

check("without its secrets it refuses and names the first that is missing", () => {
  const { status, stderr } = config({});
  assert.is.not(status, 0);
  assert.match(stderr, /set \w+ in .env/);
});

check("each service of the marketplace has its domain, database, pooler and neighbours", async () => {
  const all = services();
  const domains = new Map([...all].map(([name, text]) => [name, settingOf(text, "DOMAINS")]));
  const running = [...domains.values()].filter((domain) => domain !== "");
  assert.equal(running.toSorted(), ["cart", "cart", "loms", "notifications", "product"]);
  const prometheus = await readFile("observability/prometheus.yml", "utf8");
  for (const [name, domain] of domains) {
    if (domain === "") continue;
    const text = all.get(name) as string;
    assert.is(settingOf(text, "OTEL_SERVICE_NAME"), domain);
    assert.match(
      settingOf(text, "DATABASE_URL"),
      new RegExp(`^postgres://${domain}:.*@pgbouncer:6432/${domain}$`),
    );
    assert.match(prometheus, `"${name}"`);
    for (const [, upstream, host] of text.matchAll(/CART_(\w+)_URL: http:\/\/([\w-]+):50051$/gm))
      assert.is(domains.get(host as string), upstream?.toLowerCase());
  }
  const databases = [...new Set(running)].sort();
  for (const text of [
    all.get("marketplace-migrate") as string,
    await readFile("compose/create-databases.sh", "utf8"),
    await readFile("compose/pgbouncer.sh", "utf8"),
  ])
    assert.equal(/for name in ([\w ]+);/.exec(text)?.[1]?.split(" ").sort(), databases);
});

check("events go from loms to notifications over three brokers, two of which suffice", () => {
  const all = services();
  const brokers = [...all].filter(([name]) => /^kafka-\d$/.test(name));
  const addresses = brokers.map(([name]) => `${name}:9092`).join();
  assert.is(brokers.length, 3);
  const setting = (service: string, name: string) => settingOf(all.get(service) as string, name);
  assert.is(setting("loms", "OUTBOX_KAFKA_BROKERS"), addresses);
  assert.is(setting("notifications", "KAFKA_BROKERS"), addresses);
  assert.is(setting("notifications", "NOTIFICATIONS_KAFKA_TOPIC"), EVENTS_TOPIC);
  assert.match(setting("notifications", "SOURCES"), "kafka");
  const voters = brokers.map(([name], index) => `${index + 1}@${name}:9093`).join();
  for (const [index, [name]] of brokers.entries()) {
    assert.is(Number.parseInt(setting(name, "KAFKA_NODE_ID"), 10), index + 1);
    assert.is(setting(name, "KAFKA_CONTROLLER_QUORUM_VOTERS"), voters);
    assert.is(setting(name, "KAFKA_ADVERTISED_LISTENERS"), `PLAINTEXT://${name}:9092`);
    assert.is(setting(name, "CLUSTER_ID"), setting("kafka-1", "CLUSTER_ID"));
    for (const replicas of ["DEFAULT_REPLICATION_FACTOR", "TRANSACTION_STATE_LOG_REPLICATION_FACTOR"])
      assert.is(setting(name, `KAFKA_${replicas}`), "3");
    assert.is(setting(name, "KAFKA_MIN_INSYNC_REPLICAS"), "2");
  }
});

compose.run();

/** The services by name, as compose resolves them. */
function services(): Map<string, string> {
  const [, text = ""] = /^services:\n([\s\S]*?)^\S/m.exec(config(SECRETS).stdout) ?? [];
  const parts = text.split(/^ {2}(?=\S)/m).filter((part) => part !== "");
  return new Map(parts.map((part) => [part.split(":")[0] as string, part]));
}

/** Empty if the service lacks the setting. */
function settingOf(service: string, name: string): string {
  return new RegExp(`^ {6}${name}: (.*)$`, "m").exec(service)?.[1]?.replace(/^['"](.*)['"]$/, "$1") ?? "";
}
