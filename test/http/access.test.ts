import { suite } from "uvu";
import * as assert from "uvu/assert";
import { createDatabase } from "../support/database.ts";
import { ledger } from "../support/ledger/index.ts";
import { entryOf } from "../support/ledger/messages.ts";
import { orderWith } from "../support/messages.ts";
import { startInProcess } from "../support/service.ts";

const ADMIN = "admin-token-0123456789";
const INGRESS = "ingress-token-0123456789";
const database = await createDatabase();
const service = await startInProcess(database, { ADMIN_TOKEN: ADMIN, INGRESS_TOKEN: INGRESS });
const { url } = service;
const access = suite("access");

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
const post = (headers: Record<string, string>) =>
  fetch(`${url}/orders`, {
    method: "POST",
    body: new Uint8Array(orderWith({ order_uid: "access" })),
    headers,
  });

access("each route asks for the token it should ask for", async () => {
  assert.is((await post({})).status, 401);
  assert.is((await post(bearer(ADMIN))).status, 401);
  const posted = await post(bearer(INGRESS));
  assert.is(posted.status, 202);
  const message = posted.headers.get("location");

  const status = async (path: string, headers = {}) => {
    const stopping = new AbortController();
    const response = await fetch(`${url}${path}`, { headers, signal: stopping.signal });
    stopping.abort();
    return response.status;
  };
  for (const path of ["/orders", "/audit", "/events"]) {
    assert.is(await status(path), 401, path);
    assert.is(await status(path, bearer(INGRESS)), 401, path);
    assert.is(await status(path, bearer(`${ADMIN}x`)), 401, path);
    assert.is(await status(path, bearer(ADMIN)), 200, path);
  }
  for (const token of [ADMIN, INGRESS]) assert.is(await status(`${message}?wait=5`, bearer(token)), 200);
  assert.is(await status(message ?? ""), 401);
  for (const path of [
    "/orders/access",
    "/healthz",
    "/readyz",
    "/metrics",
    "/status.json",
    "/pages.json",
    "/",
  ])
    assert.is(await status(path), 200, path);
});

access("the ingress token is told what became of a message, and nothing of payloads and people", async () => {
  const secret = "John Doe, Main Street 5, +49 170 1234567";
  const bury = async (body: string) => {
    const response = await fetch(`${url}/orders`, { method: "POST", headers: bearer(INGRESS), body });
    return ((await response.json()) as { position: string }).position;
  };
  type Told = { outcome: string; code: string; errors: { path: string }[] };
  const get = async (path: string, token: string) => {
    const response = await fetch(`${url}${path}`, { headers: bearer(token) });
    return (await response.json()) as Told;
  };
  const position = await bury(JSON.stringify({ delivery: secret, [secret]: secret }));
  const made = await bury(`{"${secret}":1,"${secret}":2}`);
  await get(`/messages/${made}?wait=10`, INGRESS);
  for (const action of ["discard", "restore"]) {
    await fetch(`${url}/deadletters/${position}/${action}`, {
      method: "POST",
      headers: bearer(ADMIN),
      body: JSON.stringify({ author: "Ann Operator", reason: "a private reason" }),
    });
  }
  const first = await get(`/messages/${position}`, INGRESS);
  const second = await get(`/messages/${made}`, INGRESS);
  assert.equal([first.outcome, first.code, second.code], ["dead", "schema", "schema"]);
  assert.ok(first.errors.some(({ path }) => path === "/delivery"));
  assert.equal(
    second.errors.map(({ path }) => path),
    ["/*"],
  );
  for (const word of ["John", "Street", "1234567", "Ann Operator", "private"])
    assert.not.match(JSON.stringify([first, second]), word);
  assert.equal(Object.keys(first).sort(), [
    "channel",
    "code",
    "domain",
    "errors",
    "outcome",
    "position",
    "received_at",
    "source",
  ]);
  assert.match(JSON.stringify(await get(`/messages/${position}`, ADMIN)), "Ann Operator");
});

access("signing in gives a cookie that no script can read, and it ends with signing out", async () => {
  const refused = await fetch(`${url}/session`, { method: "POST", body: "wrong" });
  assert.is(refused.status, 401);
  assert.is(refused.headers.get("set-cookie"), null);
  const accepted = await fetch(`${url}/session`, { method: "POST", body: ADMIN });
  const cookie = accepted.headers.get("set-cookie") ?? "";
  assert.match(cookie, /HttpOnly; SameSite=Strict/);
  assert.not.match(cookie, ADMIN);
  const [pair] = cookie.split(";");
  assert.is((await fetch(`${url}/audit`, { headers: { cookie: pair ?? "" } })).status, 200);
  assert.is((await fetch(`${url}/audit`, { headers: { cookie: `${pair}x` } })).status, 401);
  const out = await fetch(`${url}/session`, { method: "DELETE" });
  assert.match(out.headers.get("set-cookie") ?? "", /Max-Age=0/);
});

access("a page of another origin may not act here", async () => {
  assert.is((await post({ ...bearer(INGRESS), origin: "https://elsewhere.example" })).status, 403);
  assert.is((await post({ ...bearer(INGRESS), origin: "null" })).status, 403);
  assert.is((await post({ ...bearer(INGRESS), origin: url })).status, 202);
});

access("the routes of dead letters ask for the operator's token, whatever they do", async () => {
  const routes = [
    ["GET", "/deadletters"],
    ["GET", "/deadletters/groups"],
    ["GET", "/deadletters/redrives"],
    ["GET", "/deadletters/redrives/1"],
    ["GET", "/deadletters/1"],
    ["GET", "/messages/1/payload"],
    ["POST", "/deadletters/redrive"],
    ["POST", "/deadletters/redrives/1/cancel"],
    ["POST", "/deadletters/1/redrive"],
    ["POST", "/deadletters/1/reveal"],
    ["POST", "/deadletters/1/discard"],
    ["POST", "/deadletters/1/restore"],
  ] as const;
  for (const [method, path] of routes) {
    const ask = (headers = {}) => fetch(`${url}${path}`, { method, headers });
    assert.is((await ask()).status, 401, path);
    // After ten wrong tokens the answer is 429.
    assert.ok([401, 429].includes((await ask(bearer(INGRESS))).status), path);
    if (method === "POST") {
      assert.is((await ask({ ...bearer(ADMIN), origin: "https://elsewhere.example" })).status, 403, path);
    }
    assert.ok(![401, 429].includes((await ask(bearer(ADMIN))).status), path);
  }
});

access(
  "who gives many wrong tokens has to wait, and is told how long; who has the right one does not",
  async () => {
    // A service of its own: its count of wrong tokens begins at none.
    await using fresh = await startInProcess(database, { ADMIN_TOKEN: ADMIN, INGRESS_TOKEN: INGRESS });
    const signIn = (token: string) => fetch(`${fresh.url}/session`, { method: "POST", body: token });
    for (let attempt = 0; attempt < 10; attempt++) assert.is((await signIn(`wrong ${attempt}`)).status, 401);
    const refused = await signIn(ADMIN);
    assert.is(refused.status, 429);
    const seconds = Number(refused.headers.get("retry-after"));
    assert.ok(seconds > 0 && seconds <= 60);
    assert.is(refused.headers.get("set-cookie"), null);
    const audit = (token: string) => fetch(`${fresh.url}/audit`, { headers: bearer(token) });
    assert.is((await audit("wrong")).status, 429);
    assert.is((await audit(ADMIN)).status, 200);
    assert.is((await fetch(`${fresh.url}/audit`)).status, 401);
  },
);

access(
  "a domain checks the callers of its own routes, and wrong tokens are counted like others",
  async () => {
    await using ledgerDatabase = await createDatabase(undefined, [ledger]);
    const settings = { DOMAINS: "ledger", ADMIN_TOKEN: ADMIN, INGRESS_TOKEN: INGRESS };
    await using fresh = await startInProcess(ledgerDatabase, settings, [ledger]);
    const ask = (headers = {}) => fetch(`${fresh.url}/ledger/mine`, { headers });
    const entry = new Uint8Array(entryOf("one", "ann", 5));
    await fetch(`${fresh.url}/ledger/entries`, { method: "POST", body: entry });

    const mine = await ask(bearer("token-of-ann"));
    assert.equal([mine.status, await mine.json()], [200, { account: "ann", balance: "5" }]);
    const declined = await ask(bearer("token-of-bob"));
    assert.is(declined.headers.get("content-type"), "application/problem+json");
    assert.equal(await declined.json(), {
      type: "urn:waybill:problem:no_entries",
      title: "No entries",
      status: 409,
      account: "bob",
      retryable: false,
    });

    const unproved = await ask();
    assert.is(unproved.status, 401);
    assert.match(unproved.headers.get("www-authenticate") ?? "", /^Bearer /);
    const expired = (await (await ask(bearer("expired-token"))).json()) as { status: number; detail: string };
    assert.equal([expired.status, expired.detail], [401, "the token has expired"]);
    // The tokens of the engine prove nobody's identity.
    for (const token of [ADMIN, INGRESS, "token-of-", "x", "x", "x", "x", "x", "x"])
      assert.is((await ask(bearer(token))).status, 401);
    assert.is((await ask(bearer("wrong"))).status, 429);
    assert.is((await ask(bearer("token-of-ann"))).status, 200);

    const document = (await (await fetch(`${fresh.url}/openapi.json`)).json()) as ApiDocument;
    assert.equal(document.paths["/ledger/mine"]?.get.security, [{ owner: [] }]);
    assert.equal(document.components.securitySchemes.owner, {
      type: "http",
      scheme: "bearer",
      description: "the token of an account's owner",
    });
  },
);

type ApiDocument = {
  paths: Record<string, { get: { security: object[] } }>;
  components: { securitySchemes: Record<string, object> };
};

access.after(async () => {
  await service[Symbol.asyncDispose]();
  await database[Symbol.asyncDispose]();
});
access.run();
