/** Named operators: what each role may do, who signs an action, and when a token or a session ends. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { digestOf } from "../../src/config/operators-file.ts";
import { launchBrowser } from "../../tools/stack/browser.ts";
import { faultsOf, openTab } from "../support/browser.ts";
import { createDatabase } from "../support/database.ts";
import { rawCall } from "../support/echo/echo.ts";
import { orderWith } from "../support/messages.ts";
import { startInProcess } from "../support/service.ts";
import { until } from "../support/wait.ts";
import { runWaybill } from "../support/waybill.ts";

const TOKENS = {
  ann: "token-of-ann-0123456789",
  carl: "token-of-carl-0123456789",
  shop: "token-of-shop-0123456789",
  admin: "admin-token-0123456789",
  ingress: "ingress-token-0123456789",
} as const;
type Who = keyof typeof TOKENS;
type Entry = { name: string; role: string; token?: string; sha256?: string };

const folder = mkdtempSync(join(tmpdir(), "waybill-operators-"));
const file = join(folder, "operators.json");
const ANN = { name: "ann", role: "operator", sha256: digestOf(TOKENS.ann).toString("hex") };
const CARL = { name: "carl", role: "reader", token: TOKENS.carl };
const SHOP = { name: "shop", role: "ingress", token: TOKENS.shop };
const write = (...entries: Entry[]) => writeFileSync(file, JSON.stringify(entries), { mode: 0o600 });
write(ANN, CARL, SHOP);

const database = await createDatabase();
const settings = {
  DOMAINS: "orders,wallet,product",
  WALLET_JWT_SECRET: "a secret of the tests, 32 bytes and more",
  ADMIN_TOKEN: TOKENS.admin,
  INGRESS_TOKEN: TOKENS.ingress,
  OPERATORS_FILE: file,
};
const service = await startInProcess(database, settings);
const other = await startInProcess(database, { DOMAINS: "orders", OPERATORS_FILE: file });
const { url } = service;
const operators = suite("operators");

const bearer = (who: Who) => ({ authorization: `Bearer ${TOKENS[who]}` });
// biome-ignore lint/suspicious/noExplicitAny: the test checks the shape.
type Answered = { status: number; body: any };

async function ask(method: string, path: string, headers: Record<string, string>, body?: object) {
  const stopping = new AbortController();
  const response = await fetch(`${url}${path}`, {
    method,
    headers,
    signal: stopping.signal,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const isStream = response.headers.get("content-type") === "text/event-stream";
  const text = isStream ? "" : await response.text();
  if (isStream) stopping.abort();
  const isJson = /json/.test(response.headers.get("content-type") ?? "");
  return { status: response.status, body: isJson ? JSON.parse(text) : text } as Answered;
}

async function signIn(who: Who, at = url): Promise<string> {
  const response = await fetch(`${at}/session`, { method: "POST", body: TOKENS[who] });
  assert.is(response.status, 200, who);
  return response.headers.get("set-cookie")?.split(";")[0] ?? "";
}

async function bury(): Promise<string> {
  const body = new Uint8Array(orderWith({ order_uid: "operators", locale: 1 }));
  const response = await fetch(`${url}/orders`, { method: "POST", headers: bearer("shop"), body });
  const { position } = (await response.json()) as { position: string };
  assert.is((await ask("GET", `/messages/${position}?wait=10`, bearer("shop"))).body.outcome, "dead");
  return position;
}

type Operation = { security?: object[]; parameters?: { name: string; in: string }[]; requestBody?: unknown };
const document = (await ask("GET", "/openapi.json", {})).body as {
  paths: Record<string, Record<string, Operation>>;
  components: { schemas?: Record<string, object> };
};
const routes = Object.entries(document.paths).flatMap(([template, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({
    method: method.toUpperCase(),
    template,
    // Nothing is there, so nothing is changed or revealed.
    path: template.replace(/\{\w+\}/g, "999999"),
    operation,
    schemes: new Set((operation.security ?? []).flatMap((scheme) => Object.keys(scheme))),
  })),
);

/** Reads that return unmasked data: for operators only. */
const REVEALING = ["GET /messages/{position}/payload", "GET /wallet/owners/{owner}/statement"];

operators("each role can use its routes and no other, whatever route it is", async () => {
  const passes = (status: number) => ![401, 403, 429].includes(status);
  let checked = 0;
  for (const { method, template, path, operation, schemes } of routes) {
    const route = `${method} ${template}`;
    // An empty requirement: open for one item.
    if (schemes.size === 0 || operation.security?.some((scheme) => Object.keys(scheme).length === 0))
      continue;
    const isOperators = schemes.has("admin");
    const isSenders = schemes.has("ingress");
    if (!isOperators && !isSenders) {
      for (const who of Object.keys(TOKENS) as Who[])
        assert.is((await ask(method, path, bearer(who))).status, 401, `${who} ${route}`);
      continue;
    }
    checked++;
    const isRead = isOperators && method === "GET" && !REVEALING.includes(route);
    const allowed: Record<Who, boolean> = {
      ann: true,
      carl: isRead,
      shop: isSenders,
      admin: isOperators,
      ingress: isSenders,
    };
    assert.is((await ask(method, path, {})).status, 401, `anonymous ${route}`);
    for (const [who, isAllowed] of Object.entries(allowed) as [Who, boolean][]) {
      const { status, body } = await ask(method, path, bearer(who));
      assert.is(passes(status), isAllowed, `${who} ${route}: ${status}`);
      if (isAllowed || who === "admin" || who === "ingress") continue;
      assert.is(status, 403, `${who} ${route}`);
      assert.equal(
        [body.type, body.role],
        ["urn:waybill:problem:role", who === "carl" ? "reader" : "ingress"],
      );
      assert.is(
        body.needed,
        isSenders ? (isOperators ? "operator" : "ingress") : isRead ? "reader" : "operator",
      );
      // Who has the role is said to those who see operators' names anyway.
      if (body.needed === "operator")
        assert.is(/those with that role: ann$/.test(body.detail), who === "carl", `${route}: ${body.detail}`);
    }
  }
  assert.ok(checked > 20);
});

operators("a named ingress token may call over gRPC, and a reader may not", async () => {
  const call = async (headers: Record<string, string>) => {
    const path = "/marketplace.product.v1.ProductService/GetProduct";
    return (await rawCall(`http://127.0.0.1:${service.grpcPort}`, path, headers))["grpc-status"];
  };
  const UNAUTHENTICATED = "16";
  for (const who of ["shop", "ann", "ingress"] as const)
    assert.is.not(await call(bearer(who)), UNAUTHENTICATED, who);
  for (const headers of [{}, bearer("carl"), bearer("admin")])
    assert.is(await call(headers), UNAUTHENTICATED);
});

operators("an action is signed by the operator's token, and cannot be signed for another", async () => {
  const position = await bury();
  const at = `/deadletters/${position}`;
  let forged = 0;
  for (const { method, template, path, operation } of routes) {
    const isInBody = textOf(operation.requestBody).includes('"author"');
    const isInQuery = operation.parameters?.some((one) => one.in === "query" && one.name === "author");
    // There it is a filter.
    if ((!isInBody && !isInQuery) || template === "/actions") continue;
    if (template.startsWith("/wallet/")) continue;
    forged++;
    const { status, body } = isInBody
      ? await ask(method, path, bearer("ann"), { author: "Mallory", reason: "no" })
      : await ask(method, `${path}?author=Mallory`, bearer("ann"));
    assert.equal([status, body.parameter], [400, "author"], `${method} ${template}: ${JSON.stringify(body)}`);
    assert.match(body.detail, "ann, who is signed in");
  }
  assert.ok(forged >= 8);

  const cookie = await signIn("ann");
  assert.is((await ask("POST", `${at}/discard`, bearer("ann"), { reason: "first" })).status, 200);
  assert.is(
    (await ask("POST", `${at}/restore`, { cookie }, { author: "ann", reason: "second" })).status,
    200,
  );
  assert.is((await ask("GET", `/messages/${position}/payload`, { cookie })).status, 200);
  assert.is((await ask("POST", `${at}/reveal`, bearer("ann"))).status, 200);
  assert.is((await ask("POST", `${at}/redrive`, bearer("admin"), { reason: "no author" })).status, 400);
  assert.is((await ask("POST", `${at}/discard`, bearer("admin"), { reason: "no author" })).status, 400);
  const typed = { author: "ann", reason: "typed" };
  assert.is((await ask("POST", `${at}/discard`, bearer("admin"), typed)).status, 200);
  assert.is((await ask("POST", `${at}/restore`, bearer("ann"), { reason: "again" })).status, 200);
  const body = { filter: { positions: position }, reason: "all" };
  const bulk = await ask("POST", "/deadletters/redrive", bearer("ann"), body);
  assert.is(bulk.status, 202, JSON.stringify(bulk.body));
  assert.equal([bulk.body.author, bulk.body.is_verified], ["ann", true]);
  await until("it is redriven", async () => {
    const { body: one } = await ask("GET", `/deadletters/redrives/${bulk.body.id}`, bearer("carl"));
    return one.status !== "running";
  });
  const { body: history } = await ask("GET", `/messages/${position}`, bearer("carl"));
  assert.equal(
    history.actions.map((one: Signed) => [one.action, one.author, one.is_verified]),
    [
      ["discard", "ann", true],
      ["restore", "ann", true],
      ["reveal", "ann", true],
      ["reveal", "ann", true],
      ["discard", "ann", false],
      ["restore", "ann", true],
      ["redrive", "ann", true],
    ],
  );
});

type Signed = { action: string; author: string; is_verified: boolean; reason: string; position?: string };

operators("all actions are listed, newest first, by pages and filters", async () => {
  await database.admin(
    `insert into outbox_actions (domain, position, ordinal, action, refusal, author, reason)
     values ('orders', 1, 0, 'release', 'too large', 'Bob', 'again'), ('orders', 1, 0, 'discard', 'too large', 'Bob', 'no use')`,
  );
  const pause = await ask("POST", "/sources/orders/http/pause", bearer("ann"), { reason: "full" });
  assert.is(pause.status, 200, JSON.stringify(pause.body));
  assert.is((await ask("POST", "/sources/orders/http/resume", bearer("ann"), { reason: "ok" })).status, 200);
  const list = async (query: string): Promise<Signed[]> => {
    const { status, body } = await ask("GET", `/actions?${query}`, bearer("carl"));
    assert.is(status, 200, JSON.stringify(body));
    return body.actions;
  };
  const all = await list("");
  assert.equal(
    all.map(({ action }) => action),
    [
      "resume_source",
      "pause_source",
      "discard_event",
      "release_event",
      "bulk_redrive",
      ...["restore", "discard", "reveal", "reveal", "restore", "discard"],
    ],
  );
  assert.equal(
    Object.entries(all[4] as object).filter(([name]) => !["at", "bulk_redrive"].includes(name)),
    Object.entries({
      author: "ann",
      is_verified: true,
      action: "bulk_redrive",
      reason: "all",
      domain: "orders",
      letters: 1,
    }),
  );
  const pages: Signed[] = [];
  let before: string | null = "";
  do {
    const { body } = await ask("GET", `/actions?limit=2${before && `&before=${before}`}`, bearer("carl"));
    pages.push(...body.actions);
    before = body.next as string | null;
  } while (before !== null);
  assert.equal(pages, all);

  const { position } = all.at(-1) as { position: string };
  assert.equal(all[0] && { ...all[0], at: "" }, {
    at: "",
    author: "ann",
    is_verified: true,
    action: "resume_source",
    reason: "ok",
    domain: "orders",
    source: "http",
  });
  const count = async (query: string) => (await list(query)).length;
  assert.is(await count("author=Bob"), 2);
  assert.is(await count("author=ann&action=reveal"), 2);
  assert.is(await count("domain=orders"), all.length, "the domain of reveals and bulk actions, too");
  assert.is(await count("domain=wallet"), 0);
  assert.is(await count(`position=${position}`), 7, "with the redrive by the bulk action");
  assert.is(await count("since=2100-01-01"), 0);
  assert.is(await count("until=2100-01-01&since=2000-01-01"), all.length);
  for (const [query, parameter] of [
    ["action=delete", "action"],
    ["position=9999999999999999999", "position"],
    ["domain=order", "domain"],
    ["since=yesterday", "since"],
    ["before=2026-13-01T00:00:00.000000Z_outbox_1", "before"],
    ["before=1", "before"],
    ["nonsense=1", "nonsense"],
  ])
    assert.is((await ask("GET", `/actions?${query}`, bearer("carl"))).body.parameter, parameter, query);

  const misspelt = await ask("GET", "/actions?domain=order", bearer("carl"));
  assert.is(misspelt.status, 400);
  assert.match(misspelt.body.detail, "unknown domain order; known domains: orders, wallet");

  const environment = { DATABASE_URL: database.serviceUrl };
  const shown = await runWaybill(["actions", "--author", "ann", "--limit", "3"], environment);
  assert.match(shown.stdout, /ann {2,}bulk_redrive {2,}orders/);
  assert.match(shown.stdout, /Older: --before \S+_operator_\d+\n$/);
  const json = await runWaybill(["actions", "--position", position, "--json"], environment);
  assert.is(JSON.parse(json.stdout).actions.length, 7);
});

operators("the pages know who is signed in and what the role allows", async () => {
  const position = await bury();
  const browser = await launchBrowser();
  try {
    const { tab, complaints } = await openTab(browser, url, `/ui/dead-letter?position=${position}`);
    await tab.fill("#token", TOKENS.carl);
    await tab.press("#token", "Enter");
    await tab.waitForSelector("#who:has-text('carl (reader)')");
    await tab.waitForSelector("#act:has-text('Your role is reader')");
    for (const label of ["Redrive unchanged", "Edit", "Discard", "Reveal personal data"])
      assert.ok(await tab.isDisabled(`#actions button:has-text('${label}')`), label);
    assert.is(await tab.locator("a:has-text('Download unmasked')").count(), 0);
    await tab.click("#sign-out");
    await tab.fill("#token", TOKENS.ann);
    await tab.press("#token", "Enter");
    await tab.waitForSelector("#who:has-text('ann (operator)')");
    await tab.waitForSelector("#actions button:has-text('Discard')");
    assert.not.ok(await tab.isVisible("#author"));
    await tab.fill("#reason", "of no use");
    await tab.click("#actions button:has-text('Discard')");
    await tab.waitForSelector("#history:has-text('discard by ann: of no use')");
    await tab.click("#pages a:has-text('Actions')");
    const row = tab.locator("#actions tbody tr").first();
    assert.match((await row.textContent()) ?? "", /ann.*discard.*of no use/);
    assert.not.match((await row.textContent()) ?? "", "not verified");
    assert.match((await tab.textContent("#actions")) ?? "", "Bob (not verified)");
    await tab.selectOption("select[name=action]", "reveal");
    await tab.click("#filter button");
    await tab.waitForURL(/action=reveal/);
    await tab.waitForSelector("#actions td:has-text('reveal')");
    assert.is(await tab.locator("#actions tbody tr").count(), 2);
    assert.equal(await faultsOf(tab), []);
    assert.equal(complaints, []);
  } finally {
    await browser.close();
  }
});

operators(
  "a changed, renamed or removed token ends its sessions in every process, without a restart",
  async () => {
    const cookies = { ann: await signIn("ann"), carl: await signIn("carl", other.url) };
    const audit = async (at: string, headers: Record<string, string>) =>
      (await fetch(`${at}/audit`, { headers })).status;
    const role = async (cookie: string) =>
      ((await (await fetch(`${other.url}/session`, { headers: { cookie } })).json()) as { role: string })
        .role;
    for (const at of [url, other.url])
      for (const cookie of Object.values(cookies)) assert.is(await audit(at, { cookie }), 200);
    assert.is(await audit(other.url, {}), 401, "without ADMIN_TOKEN too");
    assert.is(await role(cookies.carl), "reader");

    write(ANN, { ...CARL, role: "operator" });
    await until("the new role holds", async () => (await role(cookies.carl)) === "operator");
    write({ ...ANN, sha256: digestOf("another-token-of-ann").toString("hex") }, { ...CARL, name: "karl" });
    for (const at of [url, other.url]) {
      for (const cookie of Object.values(cookies))
        await until("the session is over", async () => (await audit(at, { cookie })) === 401);
      assert.is(await audit(at, bearer("ann")), 401);
      assert.is(await audit(at, bearer("carl")), 200, "the token itself has only another name");
    }
    write();
    await until("no named token is left", async () => (await audit(other.url, bearer("carl"))) === 401);
    assert.is(await audit(other.url, {}), 401, "an empty file opens nothing");
    assert.is(await audit(url, bearer("admin")), 200);
  },
);

operators("a token made by the command signs in, and only its hash is in the entry", async () => {
  const { stdout } = await runWaybill(["operator-token", "dora", "--role", "reader", "--json"]);
  const { token, entry } = JSON.parse(stdout) as { token: string; entry: Entry };
  assert.equal(entry, { name: "dora", role: "reader", sha256: digestOf(token).toString("hex") });
  write(entry);
  const session = async () => (await ask("GET", "/session", { authorization: `Bearer ${token}` })).body;
  await until("it is read", async () => (await session()).name === "dora");
  assert.equal(await session(), { name: "dora", role: "reader" });
  assert.equal((await ask("GET", "/session", {})).body, { name: null, role: null });
  assert.equal((await ask("GET", "/session", bearer("admin"))).body, { name: null, role: "operator" });
});

/** With the schemas that it refers to. */
function textOf(part: unknown): string {
  return JSON.stringify(part ?? {}).replaceAll(
    /"\$ref":"#\/components\/schemas\/(\w+)"/g,
    (_reference, name: string) => `"${name}":${JSON.stringify(document.components.schemas?.[name])}`,
  );
}

operators.after(async () => {
  await other[Symbol.asyncDispose]();
  await service[Symbol.asyncDispose]();
  await database[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});
operators.run();
