import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Request } from "../../src/contract/route.ts";
import { EventFeed } from "../../src/http/api/events.ts";
import { createDatabase } from "../support/database.ts";
import { ledger } from "../support/ledger/index.ts";
import { entryOf } from "../support/ledger/messages.ts";
import { orderWith } from "../support/messages.ts";
import { sendRaw } from "../support/raw.ts";
import { startInProcess } from "../support/service.ts";
import { until } from "../support/wait.ts";

const ADMIN = "admin-token-0123456789";
const INGRESS = "ingress-token-0123456789";
const database = await createDatabase();
const service = await startInProcess(database, { ADMIN_TOKEN: ADMIN, INGRESS_TOKEN: INGRESS });
const { url } = service;
const access = suite("access");

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
const signIn = async () => {
  const response = await fetch(`${url}/session`, { method: "POST", body: ADMIN });
  return response.headers.get("set-cookie")?.split(";")[0] ?? "";
};
const post = (headers: Record<string, string>) =>
  fetch(`${url}/orders`, {
    method: "POST",
    body: new Uint8Array(orderWith({ order_uid: "access" })),
    headers,
  });

async function listen(handle: RequestListener) {
  const server = createServer(handle);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: () => new Promise<void>((resolve) => server.close(() => resolve())),
  };
}

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
    "/orders?id=access",
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

access("signing in gives a cookie that no script can read", async () => {
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
  assert.match(cookie, /Max-Age=43200/);
  assert.not.match(cookie, "Secure");
  // A proxy that terminates TLS and forwards the Host header.
  const headers = { origin: url.replace("http:", "https:") };
  const secure = await sendRaw(service.port, { method: "POST", path: "/session", headers, body: ADMIN });
  assert.match(String(secure.headers["set-cookie"]), /; Secure$/);
});

access("a session is the operator's own, and signing out ends it in every process", async () => {
  await using other = await startInProcess(database, { ADMIN_TOKEN: ADMIN, INGRESS_TOKEN: INGRESS });
  const [first, second] = [await signIn(), await signIn()];
  assert.is.not(first, second);
  const audit = async (at: string, cookie: string) =>
    (await fetch(`${at}/audit`, { headers: { cookie } })).status;
  for (const at of [url, other.url]) assert.is(await audit(at, first), 200);
  assert.is(await audit(url, `waybill_session=another.host; ${first}`), 200);
  const out = await fetch(`${url}/session`, { method: "DELETE", headers: { cookie: first } });
  assert.match(out.headers.get("set-cookie") ?? "", /^waybill_session=; Max-Age=0/);
  for (const at of [url, other.url]) {
    assert.is(await audit(at, first), 401);
    assert.is(await audit(at, second), 200);
  }
  await using changed = await startInProcess(database, {
    ADMIN_TOKEN: `${ADMIN}-changed`,
    INGRESS_TOKEN: INGRESS,
  });
  assert.is(await audit(changed.url, second), 401);
});

access("a session ends by itself after twelve hours", async () => {
  const cookie = await signIn();
  const audit = async () => (await fetch(`${url}/audit`, { headers: { cookie } })).status;
  const { rows } = await database.admin(
    "select round(extract(epoch from max(expires_at) - now()) / 60)::int as minutes from sessions",
  );
  assert.is(rows[0].minutes, 12 * 60);
  assert.is(await audit(), 200);
  await database.admin("update sessions set expires_at = now()");
  assert.is(await audit(), 401);
  // Expired rows are removed.
  await signIn();
  assert.is((await database.admin("select count(*)::int from sessions")).rows[0].count, 1);
});

access("events end with the session of their reader", async () => {
  let isAllowed = true;
  const { handle } = new EventFeed(5).route(async () => ({}));
  await using server = await listen((request, response) => {
    void handle(
      Object.assign(request, { isStillAllowed: async () => isAllowed }) as unknown as Request,
      response,
    );
  });
  const response = await fetch(server.url);
  assert.is(response.headers.get("x-accel-buffering"), "no");
  let text = "";
  const reading = (async () => {
    for await (const chunk of response.body as AsyncIterable<Uint8Array>) text += Buffer.from(chunk);
  })();
  await until("a sign of life comes while nothing happens", () => text.includes("\n\n:\n\n:\n\n"));
  isAllowed = false;
  await reading;
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
    assert.ok([401, 429].includes((await ask(bearer(INGRESS))).status), path);
    if (method === "POST") {
      assert.is((await ask({ ...bearer(ADMIN), origin: "https://elsewhere.example" })).status, 403, path);
    }
    assert.ok(![401, 429].includes((await ask(bearer(ADMIN))).status), path);
  }
});

access(
  "who gives many wrong tokens is told to wait, and how long; who has a right one does not wait, from the same address",
  async () => {
    // A separate service, because it starts without counted guesses.
    await using fresh = await startInProcess(database, { ADMIN_TOKEN: ADMIN, INGRESS_TOKEN: INGRESS });
    const signIn = (token: string) => fetch(`${fresh.url}/session`, { method: "POST", body: token });
    const audit = (token: string) => fetch(`${fresh.url}/audit`, { headers: bearer(token) });
    // A valid token of another route is not a guess.
    for (let attempt = 0; attempt < 20; attempt++) assert.is((await audit(INGRESS)).status, 401);
    for (let attempt = 0; attempt < 10; attempt++) assert.is((await signIn(`wrong ${attempt}`)).status, 401);
    const refused = await signIn("wrong");
    assert.is(refused.status, 429);
    const seconds = Number(refused.headers.get("retry-after"));
    assert.ok(seconds > 0 && seconds <= 60);
    assert.is(refused.headers.get("set-cookie"), null);
    assert.is((await audit("wrong")).status, 429);
    assert.is((await signIn(ADMIN)).status, 200);
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
    // The engine's tokens do not identify a user.
    for (const token of [ADMIN, INGRESS, "token-of-", ..."xxxxxxxx"])
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

access("wrong tokens are counted by the client's address, which trusted proxies alone say", async () => {
  await using behind = await startInProcess(database, {
    ADMIN_TOKEN: ADMIN,
    INGRESS_TOKEN: INGRESS,
    TRUSTED_PROXIES: "127.0.0.1, 10.0.0.0/8, fd00::/8",
  });
  const guess = async (service: { url: string }, forwarded: string) =>
    (
      await fetch(`${service.url}/session`, {
        method: "POST",
        body: "wrong",
        headers: { "x-forwarded-for": forwarded },
      })
    ).status;
  const exhaust = async (service: { url: string }, forwarded: string) => {
    for (let attempt = 0; attempt < 10; attempt++) assert.is(await guess(service, forwarded), 401);
    assert.is(await guess(service, forwarded), 429);
  };
  // Clients can forge everything left of the proxy's entry.
  await exhaust(behind, "198.51.100.1, 203.0.113.5, 10.1.2.3");
  assert.is(await guess(behind, "198.51.100.2, 203.0.113.5"), 429);
  assert.is(await guess(behind, "203.0.113.5:4711, ::ffff:10.9.9.9"), 429);
  assert.is(await guess(behind, "203.0.113.6"), 401);
  assert.is(await guess(behind, "nonsense"), 401);
  // A client can use every address of its IPv6 network.
  await exhaust(behind, "2001:db8:1:2::1, fd00::1");
  assert.is(await guess(behind, "[2001:db8:1:2:ffff::9]:99"), 429);
  assert.is(await guess(behind, "2001:db8:1:3::1"), 401);
  await using direct = await startInProcess(database, { ADMIN_TOKEN: ADMIN, INGRESS_TOKEN: INGRESS });
  for (let attempt = 0; attempt < 10; attempt++) assert.is(await guess(direct, `203.0.113.${attempt}`), 401);
  assert.is(await guess(direct, "203.0.113.99"), 429);
});

access.after(async () => {
  await service[Symbol.asyncDispose]();
  await database[Symbol.asyncDispose]();
});
access.run();
