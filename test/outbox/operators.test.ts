/** Refused events for operators: routes, readiness, metrics, command line and page. */
import { randomUUID } from "node:crypto";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { DOMAINS } from "../../src/domains/index.ts";
import { launchBrowser } from "../../tools/stack/browser.ts";
import { openTab } from "../support/browser.ts";
import { checkIf } from "../support/check-if.ts";
import { createDatabase } from "../support/database.ts";
import { kafkaAt } from "../support/kafka.ts";
import { ledger } from "../support/ledger/index.ts";
import { addEvents, receive, textsByKey, untilDrained } from "../support/outbox.ts";
import { startInProcess } from "../support/service.ts";
import { sharedKafka } from "../support/sources.ts";
import { until } from "../support/wait.ts";
import { runWaybill } from "../support/waybill.ts";

const operators = suite("operators of the outbox");
const broker = sharedKafka();
const check = checkIf(broker, operators);
const { createTopic } = kafkaAt(broker);
const address = broker?.address as string;
const ADMIN = "admin-token-0123456789";

type Outbox = {
  domains: { domain: string; pending: number; held: number }[];
  refusals: { domain: string; position: string; ordinal: number; reason: string; state: string }[];
  actions: { domain: string; action: string; position: string; author: string; reason: string }[];
};

/** A service with three events of key `a`; Kafka refuses the first two. */
async function start() {
  const database = await createDatabase(undefined, [ledger]);
  const topic = `good-${randomUUID()}`;
  await createTopic(topic, 1);
  await addEvents(database, 1, [
    { topic: "no topic!", key: "a", text: "bad" },
    { topic: "no topic?", key: "b", text: "bad too" },
    { topic, key: "a", text: "good" },
  ]);
  const service = await startInProcess(
    database,
    {
      DOMAINS: "ledger",
      ADMIN_TOKEN: ADMIN,
      OUTBOX_KAFKA_BROKERS: address,
      OUTBOX_TRANSACTIONAL_ID: `test-${randomUUID()}`,
    },
    [...DOMAINS, ledger],
  );
  const ask = async (path: string, body?: object) => {
    const response = await fetch(`${service.url}${path}`, {
      method: body ? "POST" : "GET",
      headers: { authorization: `Bearer ${ADMIN}` },
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
    return { status: response.status, body: await response.json() };
  };
  const outbox = async () => (await ask("/outbox")).body as Outbox;
  await until("both are refused and the rest is sent", async () => {
    const { refusals, domains } = await outbox();
    return refusals.length === 2 && domains[0]?.pending === 0;
  });
  return {
    database,
    service,
    topic,
    ask,
    outbox,
    [Symbol.asyncDispose]: async () => {
      await service[Symbol.asyncDispose]();
      await database[Symbol.asyncDispose]();
    },
  };
}

check("readiness stays as it is and names the event; metrics count it; routes ask for a token", async () => {
  await using started = await start();
  const { service, outbox, topic } = started;
  const response = await fetch(`${service.url}/readyz`);
  assert.is(response.status, 200, "the domain takes messages in all the same");
  const { domains } = (await response.json()) as { domains: Record<string, { warnings?: string[] }> };
  assert.equal(domains.ledger?.warnings, [
    "event 1/0 is refused by the broker (INVALID_TOPIC_EXCEPTION); events of its key wait",
    "event 2/0 is refused by the broker (INVALID_TOPIC_EXCEPTION); events of its key wait",
  ]);
  const metrics = await (await fetch(`${service.url}/metrics`)).text();
  const value = (name: string) =>
    new RegExp(`^${name}\\{[^}]*domain="ledger"[^}]*\\} (\\S+)$`, "m").exec(metrics)?.[1];
  assert.is(value("waybill_outbox_refused_events"), "2");
  assert.is(value("waybill_outbox_held_events"), "2");
  assert.is(value("waybill_outbox_pending_events"), "0");
  assert.is(value("waybill_outbox_oldest_event_age_seconds"), "0");
  assert.is(value("waybill_outbox_sent_total"), "1");
  assert.is(value("waybill_outbox_batch_duration_seconds_count"), "1");
  assert.equal(
    (await outbox()).domains.map(({ domain, held }) => [domain, held]),
    [["ledger", 2]],
  );
  assert.is((await fetch(`${service.url}/outbox`)).status, 401);
  assert.equal(textsByKey(await receive(address, topic, 1)), { a: ["good"] });
});

check("an event is released and discarded over HTTP, with author and reason", async () => {
  await using started = await start();
  const { ask, outbox, database } = started;
  assert.is((await ask("/outbox/1/0/discard", { author: "Ann" })).status, 400, "a reason is needed");
  assert.is((await ask("/outbox/3/0/discard", { author: "Ann", reason: "no" })).status, 404);
  assert.is((await ask("/outbox/1/x/discard", { author: "Ann", reason: "no" })).status, 400);
  const discarded = await ask("/outbox/1/0/discard", { author: "Ann", reason: "nobody needs it" });
  assert.equal(discarded.body, { domain: "ledger", position: "1", ordinal: 0, state: "discarded" });
  const released = await ask("/outbox/2/0/release", { author: "Bob", reason: "once more" });
  assert.is(released.status, 200);
  await until("it is refused again", async () => {
    const { refusals } = await outbox();
    return refusals.length === 1 && refusals[0]?.state === "blocked" && refusals[0].position === "2";
  });
  assert.equal(
    (await outbox()).actions.map(({ action, position, author, reason }) => [
      action,
      position,
      author,
      reason,
    ]),
    [
      ["release", "2", "Bob", "once more"],
      ["discard", "1", "Ann", "nobody needs it"],
    ],
  );
  await ask("/outbox/2/0/discard", { author: "Ann", reason: "that one too" });
  await untilDrained(database);
});

check("the shell lists, releases and discards", async () => {
  await using started = await start();
  const environment = { DATABASE_URL: started.database.serviceUrl };
  const listed = await runWaybill(["outbox", "list"], environment);
  assert.is(listed.status, 0);
  assert.match(listed.stdout, "DOMAIN");
  const json = await runWaybill(["outbox", "list", "--json"], environment);
  assert.ok(Array.isArray((JSON.parse(json.stdout) as Outbox).refusals));
  assert.is((await runWaybill(["outbox", "discard", "1"], environment)).status, 2, "a reason is required");
  const missing = await runWaybill(["outbox", "discard", "77", "--reason", "no"], environment);
  assert.is(missing.status, 1);
  const discarded = await runWaybill(
    ["outbox", "discard", "1", "0", "--author", "Ann", "--reason", "of no use"],
    environment,
  );
  assert.is(discarded.status, 0, discarded.output);
  assert.match(discarded.stdout, "Event 1/0 of ledger is discarded.");
  const released = await runWaybill(["outbox", "release", "2", "--reason", "again", "--json"], environment);
  assert.equal(JSON.parse(released.stdout), {
    domain: "ledger",
    position: "2",
    ordinal: 0,
    state: "released",
  });
  await until("only the released one is refused, again", async () => {
    const { refusals } = await started.outbox();
    return refusals.length === 1 && refusals[0]?.state === "blocked";
  });
});

operators("the list keeps to one domain, over HTTP and in the shell", async () => {
  await using database = await createDatabase(undefined, [ledger]);
  await using service = await startInProcess(database, { DOMAINS: "orders,ledger" }, [...DOMAINS, ledger]);
  const domainsOf = ({ domains, refusals, actions }: Outbox) =>
    [domains, refusals, actions].map((part) => [...new Set(part.map(({ domain }) => domain))].sort());
  await database.admin(`
    insert into outbox_refusals (domain, position, ordinal, topic, key, reason)
      values ('orders', 1, 0, 't', 'k', 'r'), ('ledger', 2, 0, 't', 'k', 'r');
    insert into outbox_actions (domain, position, ordinal, action, refusal, author, reason)
      select domain, position, ordinal, 'release', reason, 'Ann', 'again' from outbox_refusals`);
  const ask = (query: string) => fetch(`${service.url}/outbox${query}`);
  const listed = async (query: string) => domainsOf((await (await ask(query)).json()) as Outbox);
  assert.equal(await listed(""), [
    ["ledger", "orders"],
    ["ledger", "orders"],
    ["ledger", "orders"],
  ]);
  assert.equal(await listed("?domain=ledger"), [["ledger"], ["ledger"], ["ledger"]]);
  const unknown = await ask("?domain=ledgers");
  assert.is(unknown.status, 400);
  assert.match(await unknown.text(), "unknown domain ledgers; known domains: orders, ledger");
  const list = (name: string) =>
    runWaybill(["outbox", "list", "--json", "--domain", name], { DATABASE_URL: database.serviceUrl });
  assert.equal(domainsOf(JSON.parse((await list("orders")).stdout)), [["orders"], ["orders"], ["orders"]]);
  assert.equal(domainsOf(JSON.parse((await list("wallet")).stdout)), [["wallet"], [], []]);
  const misspelt = await list("wallets");
  assert.is(misspelt.status, 2);
  assert.match(misspelt.output, "Did you mean wallet?");
});

check("the page of dead letters shows refused events, and has them discarded", async () => {
  await using started = await start();
  const browser = await launchBrowser();
  try {
    const { tab, complaints } = await openTab(browser, started.service.url, "/ui/dead-letters");
    await tab.fill("#token", ADMIN);
    await tab.press("#token", "Enter");
    await tab.waitForSelector("#refused td:has-text('INVALID_TOPIC_EXCEPTION')");
    await tab.fill("#refused-author", "Ann");
    await tab.fill("#refused-reason", "of no use");
    await tab.click("#refused tr:has-text('1/0') button:has-text('Discard')");
    // Rows stay in place while the pointer is in the list.
    await tab.mouse.move(0, 0);
    await until(
      "it is gone from the page",
      async () => !(await tab.textContent("#refused-events"))?.includes("1/0"),
    );
    assert.is((await started.outbox()).actions[0]?.author, "Ann");
    assert.ok(
      complaints.every((text) => /401/.test(text)),
      complaints.join(),
    );
  } finally {
    await browser.close();
  }
});

operators.run();
