/** Several domains in one process: each has its own inbox, projection, readiness and metrics. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { AnyDomain } from "../src/contract/domain.ts";
import { DOMAINS } from "../src/domains/index.ts";
import { connectToBroker } from "../tools/publisher/transport.ts";
import { createDatabase, environment } from "./support/database.ts";
import { appendAll, projectAll } from "./support/engine.ts";
import { ledger } from "./support/ledger/index.ts";
import { entryOf } from "./support/ledger/messages.ts";
import { messageOf, orderWith } from "./support/messages.ts";
import { brokerEnvironment, startInProcess } from "./support/service.ts";
import { until } from "./support/wait.ts";

const BOTH: readonly AnyDomain[] = [...DOMAINS, ledger];
const app = suite("app");

const post = (url: string, path: string, body: Buffer) =>
  fetch(`${url}${path}`, { method: "POST", body: new Uint8Array(body) });
const json = async (url: string, path: string) => (await fetch(`${url}${path}`)).json();
type Readiness = { status: string; reasons?: string[]; domains: Record<string, { ready: boolean }> };

app("two domains in one process: each message reaches its own, and one audit proves both", async () => {
  await using database = await createDatabase(undefined, [ledger]);
  await using service = await startInProcess(database, { DOMAINS: "orders,ledger" }, BOTH);
  const { url } = service;
  const answers = await Promise.all(
    Array.from({ length: 50 }, async (_none, index) => {
      await post(url, "/orders", orderWith({ order_uid: `one of both ${index}` }));
      const answer = await post(url, "/ledger/entries", entryOf(`entry ${index}`, "both", 2));
      return ((await answer.json()) as { outcome: string }).outcome;
    }),
  );
  assert.equal(new Set(answers), new Set(["projected"]));
  // The route answers after the projection, so the balance is visible.
  assert.equal(await json(url, "/ledger/accounts/both"), { balance: "100" });
  await until("all orders are readable", async () => {
    const { orders } = (await json(url, "/orders?limit=100")) as { orders: unknown[] };
    return orders.length === 50;
  });
  const { holds, domains } = (await json(url, "/audit?full=true")) as {
    holds: boolean;
    domains: Record<string, { projected: number; pending: number }>;
  };
  assert.ok(holds);
  assert.equal(
    Object.entries(domains).map(([name, { projected, pending }]) => [name, projected, pending]),
    [
      ["orders", 50, 0],
      ["ledger", 50, 0],
    ],
  );
  const metrics = await (await fetch(`${url}/metrics`)).text();
  for (const name of ["orders", "ledger"]) {
    assert.match(metrics, `waybill_outcomes_total{domain="${name}",outcome="projected",code=""} 50`);
    assert.match(
      metrics,
      `waybill_inbox_appended_total{domain="${name}",source="http",channel="${name}"} 50`,
    );
    assert.match(metrics, `waybill_source_connected{domain="${name}",source="http",channel="${name}"} 1`);
    assert.match(metrics, `waybill_pending_messages{domain="${name}"} 0`);
  }
});

app(
  "a message knows who sent it: what a route submits beside the payload reaches the projection",
  async () => {
    await using database = await createDatabase(undefined, [ledger]);
    await using service = await startInProcess(database, { DOMAINS: "ledger" }, BOTH);
    const { position } = (await (
      await post(service.url, "/ledger/entries", entryOf("mine", "a", 1))
    ).json()) as {
      position: string;
    };
    const { rows } = await database.query<{ headers: object }>(
      "select headers from inbox where position = $1",
      [position],
    );
    assert.equal(rows[0]?.headers, { headers: [["owner", "ann"]] });
  },
);

app("a domain that cannot project is not ready, and the other one continues", async () => {
  await using database = await createDatabase(undefined, [ledger]);
  await using service = await startInProcess(database, { DOMAINS: "orders,ledger" }, BOTH);
  const { url } = service;
  await database.admin("alter table ledger_accounts rename to ledger_accounts_away");
  const waiting = post(url, "/ledger/entries", entryOf("stuck", "a", 1));
  const statusOf = async (path: string) => (await fetch(`${url}${path}`)).status;
  await until("the domain is not ready", async () => (await statusOf("/readyz?domain=ledger")) === 503);
  assert.is(await statusOf("/readyz?domain=orders"), 200);
  const readiness = (await json(url, "/readyz")) as Readiness;
  assert.is(readiness.status, "not ready");
  assert.equal(readiness.reasons, ["ledger: the last projection failed and is being retried"]);
  assert.equal([readiness.domains.orders?.ready, readiness.domains.ledger?.ready], [true, false]);
  assert.is(await statusOf("/readyz?domain=wallets"), 400);
  await post(url, "/orders", orderWith({ order_uid: "not delayed" }));
  await until("the order is readable", async () => (await statusOf("/orders/not%20delayed")) === 200);
  await database.admin("alter table ledger_accounts_away rename to ledger_accounts");
  const { outcome } = (await (await waiting).json()) as { outcome: string };
  assert.is(outcome, "projected");
  await until("all is ready", async () => (await statusOf("/readyz")) === 200);
});

app("while the database does not answer, no domain is ready", async () => {
  await using database = await createDatabase(undefined, [ledger]);
  await using service = await startInProcess(database, { DOMAINS: "orders,ledger" }, BOTH);
  const readiness = (domain: string) => json(service.url, `/readyz?domain=${domain}`) as Promise<Readiness>;
  // Superusers such as the test's own are exempt.
  await database.admin(`alter database ${database.name} connection limit 0`);
  await database.admin(`
    select pg_terminate_backend(pid) from pg_stat_activity
    where datname = current_database() and pid <> pg_backend_pid()`);
  for (const domain of ["orders", "ledger"]) {
    await until(`${domain} is not ready`, async () =>
      (await readiness(domain)).reasons?.includes("the database does not answer"),
    );
  }
  await database.admin(`alter database ${database.name} connection limit -1`);
  await until("both are ready again", async () => (await fetch(`${service.url}/readyz`)).ok);
});

app("a caller may wait for a message of a domain that another process runs", async () => {
  await using database = await createDatabase(undefined, [ledger]);
  await using orders = await startInProcess(database, { DOMAINS: "orders" }, BOTH);
  const { receipts } = await appendAll(database, [messageOf(entryOf("elsewhere", "a", 1))], ledger);
  const position = receipts[0]?.position;
  const waiting = fetch(`${orders.url}/messages/${position}?wait=30`);
  await projectAll(database, ledger);
  assert.is(((await (await waiting).json()) as { outcome: string }).outcome, "projected");
});

app("a domain without its tables is not ready and says what to do; nothing is taken in", async () => {
  await using database = await createDatabase();
  await using service = await startInProcess(database, { DOMAINS: "orders,ledger" }, BOTH, {
    isAwaited: false,
  });
  const reasons = async () => ((await json(service.url, "/readyz")) as Readiness).reasons?.join() ?? "";
  await until("readiness says so", async () =>
    /ledger\/0001_ledger.*waybill -- migrate/.test(await reasons()),
  );
  assert.is((await post(service.url, "/orders", orderWith({}))).status, 503);
});

app("a message on the channel of a domain that does not run here waits at the broker", async () => {
  await using database = await createDatabase(undefined, [ledger]);
  const names = brokerEnvironment();
  const channel = `${names.STAN_CHANNEL}-ledger`;
  const variables = { ...names, LEDGER_STAN_CHANNEL: channel, SOURCES: "nats-streaming" };
  const settings = { url: environment("WAYBILL_TEST_NATS_URL"), clusterId: "test-cluster" };
  await using toOrders = await connectToBroker({ ...settings, channel: names.STAN_CHANNEL as string });
  await using toLedger = await connectToBroker({ ...settings, channel });
  const counts = async () => {
    const { rows } = await database.query<{ domain: string; count: number }>(
      "select domain, count(*)::int as count from inbox group by domain order by domain",
    );
    return rows.map((row) => [row.domain, row.count]);
  };
  {
    await using _ordersAlone = await startInProcess(database, variables, BOTH);
    await toLedger.publish(entryOf("waits", "a", 1));
    await toOrders.publish(orderWith({ order_uid: "does not wait" }));
    await until("the order is in the inbox", async () => (await counts()).length > 0);
    assert.equal(await counts(), [["orders", 1]]);
  }
  await using _both = await startInProcess(database, { ...variables, DOMAINS: "orders,ledger" }, BOTH);
  await until("the entry is in the inbox", async () => (await counts()).length > 1);
  assert.equal(await counts(), [
    ["ledger", 1],
    ["orders", 1],
  ]);
});

app("a domain's first messages are in its inbox once, however many processes start and when", async () => {
  const firstMessages = ["opening", "second"].map((id) => ({
    messageId: id,
    payload: entryOf(id, "bank", 100),
    headers: { owner: "bank" },
  }));
  const opened: AnyDomain = { ...ledger, firstMessages: firstMessages.slice(0, 1) };
  await using database = await createDatabase(undefined, [ledger]);
  const start = (domain: AnyDomain) => startInProcess(database, { DOMAINS: "ledger" }, [domain]);
  const stored = async () =>
    (
      await database.query(
        "select source, channel, message_id, headers, position from inbox where domain = 'ledger' order by position",
      )
    ).rows.map((row) => `${row.source}/${row.channel}/${row.message_id} ${JSON.stringify(row.headers)}`);
  const headers = JSON.stringify({ headers: [["owner", "bank"]] });
  const services = await Promise.all(Array.from({ length: 5 }, () => start(opened)));
  assert.equal(await stored(), [`first/ledger/opening ${headers}`]);
  const balance = () => json(services[0]?.url as string, "/ledger/accounts/bank");
  await until("it is projected", async () => ((await balance()) as { balance: string }).balance === "100");
  await Promise.all(services.map((service) => service[Symbol.asyncDispose]()));

  await using again = await start({ ...ledger, firstMessages });
  assert.equal(await stored(), [`first/ledger/opening ${headers}`, `first/ledger/second ${headers}`]);
  const key = { "idempotency-key": "opening" };
  const body = new Uint8Array(entryOf("opening", "bank", 1));
  // A caller of a route can neither replace nor change a first message.
  const posted = await fetch(`${again.url}/ledger/entries`, { method: "POST", body, headers: key });
  assert.is(((await posted.json()) as { outcome: string }).outcome, "dead");
});

app.run();
