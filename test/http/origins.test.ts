/** Pages of other sites attack a service on loopback, in a real browser and by hand; pages behind a proxy work. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { launchBrowser } from "../../tools/stack/browser.ts";
import { createDatabase } from "../support/database.ts";
import { orderWith } from "../support/messages.ts";
import { type RawRequest, sendRaw } from "../support/raw.ts";
import { auditOf, startInProcess } from "../support/service.ts";

const ADMIN = "admin-token-0123456789";
const INGRESS = "ingress-token-0123456789";
const database = await createDatabase();
/** On loopback, without tokens. */
const open = await startInProcess(database);
/** Behind a proxy. */
const proxied = await startInProcess(database, {
  PUBLIC_URL: "https://waybill.example, http://inside.example:8080",
  ADMIN_TOKEN: ADMIN,
  INGRESS_TOKEN: INGRESS,
});
/** Beyond loopback, with tokens. */
const wide = await startInProcess(database, {
  HTTP_HOST: "0.0.0.0",
  ADMIN_TOKEN: ADMIN,
  INGRESS_TOKEN: INGRESS,
});
const origins = suite("origins");

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
const statusOf = async (service: { port: number }, request: RawRequest) =>
  (await sendRaw(service.port, request)).status;
const get = (service: { port: number }, path: string, headers: Record<string, string>) =>
  statusOf(service, { path, headers });
const signIn = (headers: Record<string, string>, body = ADMIN) =>
  statusOf(proxied, { method: "POST", path: "/session", headers, body });

await fetch(`${open.url}/orders`, {
  method: "POST",
  body: new Uint8Array(orderWith({ order_uid: "private" })),
});

origins("a page whose name resolves to loopback reads nothing and changes nothing", async () => {
  const browser = await launchBrowser(["--host-resolver-rules=MAP evil.example 127.0.0.1"]);
  try {
    const before = (await auditOf(open.url)).received;
    const tab = await browser.newPage();
    await tab.goto(`http://evil.example:${open.port}/docs`);
    const ask = (path: string, method = "GET") =>
      tab.evaluate(
        async ([path, method]) => {
          const response = await fetch(path as string, { method: method as string });
          return { status: response.status, text: await response.text() };
        },
        [path, method],
      );
    for (const path of ["/deadletters", "/messages/1", "/messages/1/payload", "/orders", "/orders/private"]) {
      const { status, text } = await ask(path);
      assert.is(status, 403, path);
      assert.match(text, "PUBLIC_URL");
    }
    for (const path of ["/orders", "/deadletters/1/reveal", "/session"])
      assert.is((await ask(path, "POST")).status, 403, path);
    assert.is((await auditOf(open.url)).received, before);
    assert.is((await ask("/healthz")).status, 200);
  } finally {
    await browser.close();
  }
});

origins("a page of another site has nothing read or recorded on loopback", async () => {
  const elsewhere = createServer((_request, response) => {
    response.writeHead(200, { "content-type": "text/html" });
    response.end("<!doctype html><title>elsewhere</title>");
  });
  await new Promise<void>((resolve) => elsewhere.listen(0, "127.0.0.1", resolve));
  const browser = await launchBrowser(["--host-resolver-rules=MAP evil.example 127.0.0.1"]);
  const reads = async () =>
    (await database.admin("select count(*)::int as count from operator_actions")).rows[0].count;
  try {
    const tab = await browser.newPage();
    const { port } = elsewhere.address() as AddressInfo;
    // Another site, and another program on this machine.
    for (const name of ["evil.example", "127.0.0.1"]) {
      await tab.goto(`http://${name}:${port}/`);
      for (const path of ["/messages/1/payload", "/audit?full=true"]) {
        await tab.evaluate((url) => fetch(url, { mode: "no-cors" }).catch(() => {}), `${open.url}${path}`);
      }
    }
    assert.is(await reads(), 0);
    const metrics = await (await fetch(`${open.url}/metrics`)).text();
    for (const route of ["/messages/:position/payload", "/audit"])
      assert.match(metrics, new RegExp(`_count\\{method="GET",route="${route}",status="403"\\} [2-9]`));
  } finally {
    await browser.close();
    elsewhere.close();
  }
});

origins("loopback is known by its names and by any address, and by no other name", async () => {
  const { port } = open;
  for (const host of [
    "localhost",
    `LOCALHOST:${port}`,
    `127.0.0.1:${port}`,
    "127.9.9.9",
    "[::1]:1",
    "10.0.0.1",
  ])
    assert.is(await get(open, "/orders", { host }), 200, host);
  for (const host of ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "0.0.0.0", "[::]"])
    assert.is(await get(open, "/orders", { host }), 403, host);
  for (const host of ["evil.example", "0.0.0.0", "[::ffff:0.0.0.0]", "[::ffff:0:0]", "[0::0.0.0.0]"]) {
    assert.is(await get(open, "/orders/private", { host }), 403, host);
    assert.is(await get(open, "/status.json", { host }), 403, host);
  }
});

origins("probes and pages are answered whatever the name is", async () => {
  for (const path of ["/healthz", "/readyz", "/metrics", "/", "/docs", "/ui/shell.js"])
    for (const service of [open, proxied, wide])
      assert.is(await get(service, path, { host: "10-0-0-7.pods.example:3000" }), 200, path);
});

origins("a token is all that a program needs, and the name matters for browsers alone", async () => {
  for (const service of [proxied, wide]) {
    const host = "waybill.internal:3000";
    assert.is(await get(service, "/audit", { host, ...bearer(ADMIN) }), 200);
    assert.is(await get(service, "/audit", { host }), 403);
    const order = { method: "POST", path: "/orders", body: "x", headers: { host, ...bearer(INGRESS) } };
    assert.is(await statusOf(service, order), 202);
    assert.is(await statusOf(service, { ...order, headers: { host, ...bearer("wrong") } }), 403);
  }
  // Beyond loopback, open routes accept every host name.
  assert.is(await get(wide, "/orders/private", { host: "waybill.internal" }), 200);
  assert.is(await get(wide, "/orders", { host: "waybill.internal", cookie: "waybill_session=x" }), 403);
});

origins("behind a proxy the right page acts, whatever the proxy does to the Host", async () => {
  const origin = "https://waybill.example";
  for (const host of ["waybill.example", "waybill.example:443", "WAYBILL.example", "127.0.0.1:3000"]) {
    assert.is(await signIn({ host, origin }), 200, host);
    assert.is(await signIn({ host, origin: "HTTPS://Waybill.Example" }), 200, host);
  }
  assert.is(await signIn({ host: "inside.example:8080", origin: "http://inside.example:8080" }), 200);
  assert.is(await signIn({ host: "127.0.0.1:3000", origin: "http://127.0.0.1:3000" }), 200);
  for (const wrong of [
    "http://waybill.example",
    "https://waybill.example:8443",
    "https://waybill.example.evil.example",
    "https://inside.example:8080",
    "https://evil.example",
    "null",
    "file://waybill.example",
  ])
    assert.is(await signIn({ host: "waybill.example", origin: wrong }), 403, wrong);
});

origins("the cookie of a session stays on TLS if the page came by it", async () => {
  const cookieFor = async (headers: Record<string, string>) => {
    const sent = { method: "POST", path: "/session", headers, body: ADMIN };
    return String((await sendRaw(proxied.port, sent)).headers["set-cookie"]);
  };
  const host = "127.0.0.1:3000";
  assert.match(await cookieFor({ host, origin: "https://waybill.example" }), /; Secure$/);
  assert.match(await cookieFor({ host }), /; Secure$/);
  assert.not.match(await cookieFor({ host, origin: "http://inside.example:8080" }), "Secure");
});

origins("without PUBLIC_URL, default ports and capitals make no other origin", async () => {
  const post = (headers: Record<string, string>) =>
    statusOf(open, { method: "POST", path: "/orders", headers, body: "x" });
  assert.is(await post({ host: "localhost:443", origin: "https://localhost" }), 202);
  assert.is(await post({ host: "LocalHost:80", origin: "http://LOCALHOST" }), 202);
  assert.is(await post({ host: "localhost:8080", origin: "http://localhost" }), 403);
  assert.is(await post({ host: "localhost", origin: "http://localhost@evil.example" }), 403);
});

origins("what changes something is refused if the browser says that another site asks", async () => {
  const post = (site: string) =>
    statusOf(open, { method: "POST", path: "/orders", headers: { "sec-fetch-site": site }, body: "x" });
  for (const site of ["cross-site", "same-site"]) assert.is(await post(site), 403, site);
  for (const site of ["same-origin", "none"]) assert.is(await post(site), 202, site);
  // Following a link is allowed.
  const link = { "sec-fetch-site": "cross-site", "sec-fetch-user": "?1", "sec-fetch-dest": "document" };
  assert.is(await get(open, "/messages/1", link), 200);
  assert.is(await get(open, "/messages/1", { ...link, "sec-fetch-dest": "iframe" }), 403);
});

origins.after(async () => {
  for (const service of [open, proxied, wide]) await service[Symbol.asyncDispose]();
  await database[Symbol.asyncDispose]();
});
origins.run();
