import { suite } from "uvu";
import * as assert from "uvu/assert";
import { OrderFactory, toPayload } from "../../tools/domains/orders/factory.ts";
import { ordersKit } from "../../tools/domains/orders/index.ts";
import { makeGarbage } from "../../tools/publisher/garbage.ts";
import { withClient } from "../../tools/stack/postgres.ts";
import { createDatabase } from "../support/database.ts";
import { errorOf } from "../support/error.ts";
import { MODEL, orderWith } from "../support/messages.ts";
import { sendRaw } from "../support/raw.ts";
import { auditOf, startInProcess } from "../support/service.ts";
import { until } from "../support/wait.ts";

const database = await createDatabase();
const service = await startInProcess(database, { PAYLOAD_BYTES_MAX: "100000" });
const { url } = service;
const http = suite("http");

const post = (body: BodyInit, headers: Record<string, string> = {}) =>
  fetch(`${url}/orders`, { method: "POST", body, headers });

async function settle(body: Buffer) {
  const response = await post(new Uint8Array(body));
  const { position } = (await response.json()) as { position: string };
  return (await fetch(`${url}/messages/${position}?wait=10`)).json() as Promise<Record<string, unknown>>;
}

/** Sends a raw request line, which fetch would normalise. */
const raw = (method: string, path: string) => sendRaw(service.port, { method, path });

http("POST /orders answers after the commit, and the order can be read byte for byte", async () => {
  const payload = Buffer.from(JSON.stringify({ ...MODEL, order_uid: "pretty", note: "ü\u{1f4e6}" }, null, 3));
  const response = await post(new Uint8Array(payload));
  assert.is(response.status, 202);
  const { position } = (await response.json()) as { position: string };
  assert.is(response.headers.get("location"), `/messages/${position}`);
  const { rows } = await database.admin("select payload from inbox where position = $1", [position]);
  assert.ok(rows[0].payload.equals(payload));
  const biography = (await (await fetch(`${url}/messages/${position}?wait=10`)).json()) as Record<
    string,
    unknown
  >;
  assert.is(biography.outcome, "projected");
  const read = await fetch(`${url}/orders/pretty`);
  assert.is(read.status, 200);
  assert.ok(Buffer.from(await read.arrayBuffer()).equals(payload));
  assert.is(read.headers.get("link"), `</messages/${position}>; rel="via"`);
  assert.is((biography.links as { page: string }).page, `/ui/message?position=${position}`);
});

http("invariant 12: an order has a strong ETag, may be kept for ever, and is not sent twice", async () => {
  await settle(orderWith({ order_uid: "etag" }));
  const first = await fetch(`${url}/orders/etag`);
  const etag = first.headers.get("etag") ?? "";
  assert.match(etag, /^"[\w-]+"$/);
  assert.is(first.headers.get("cache-control"), "private, max-age=31536000, immutable");
  for (const given of [etag, `W/${etag}`, `"other", ${etag}`, "*"]) {
    const second = await fetch(`${url}/orders/etag`, { headers: { "if-none-match": given } });
    assert.is(second.status, 304, given);
    assert.is(await second.text(), "");
    assert.is(second.headers.get("etag"), etag);
  }
  assert.is((await fetch(`${url}/orders/etag`, { headers: { "if-none-match": '"other"' } })).status, 200);
  await settle(orderWith({ order_uid: "etag2" }));
  assert.is.not((await fetch(`${url}/orders/etag2`)).headers.get("etag"), etag);
});

http("HEAD answers like GET without the body", async () => {
  await settle(orderWith({ order_uid: "head" }));
  const head = await fetch(`${url}/orders/head`, { method: "HEAD" });
  assert.is(head.status, 200);
  assert.is(Number(head.headers.get("content-length")), orderWith({ order_uid: "head" }).length);
  assert.is(await head.text(), "");
});

http("ids of any characters are found, impossible ones are 400, unknown ones 404", async () => {
  for (const id of [
    "a b",
    "%2e",
    "ünï\u{1f4e6}",
    "a/b?c#d",
    "..",
    "<script>",
    "'; drop table orders; --",
    "__proto__",
  ]) {
    await settle(orderWith({ order_uid: id }));
    const { status, body } = await raw("GET", `/orders/${encodeURIComponent(id).replaceAll(".", "%2E")}`);
    assert.is(status, 200, id);
    assert.is(JSON.parse(body).order_uid, id);
  }
  for (const path of [
    "/orders/%00",
    "/orders/a%0Ab",
    `/orders/${"x".repeat(129)}`,
    "/orders/%ff",
    "/orders/%zz",
    "/orders/%",
  ]) {
    const { status, body, headers } = await raw("GET", path);
    assert.is(status, 400, path);
    assert.is(headers["content-type"], "application/problem+json");
    assert.ok(JSON.parse(body).parameter);
  }
  for (const path of ["/orders/unknown", "/orders/...", "/orders/constructor"])
    assert.is((await raw("GET", path)).status, 404, path);
});

http("GET /orders?id= finds every id as any client sends it, and answers like GET /orders/:id", async () => {
  // URL parsers remove these from a path, percent-encoded or not.
  for (const id of [
    ".",
    "..",
    "%2e%2E",
    "a/../b",
    "a+b",
    "a b",
    " ",
    "#",
    "&id=x",
    "ünï\u{1f4e6}",
    "plain",
  ]) {
    const payload = orderWith({ order_uid: id });
    await settle(payload);
    const response = await fetch(`${url}/orders?id=${encodeURIComponent(id)}`);
    assert.is(response.status, 200, id);
    assert.ok(Buffer.from(await response.arrayBuffer()).equals(payload), id);
  }
  const [byPath, byQuery] = await Promise.all(
    ["/orders/plain", "/orders?id=plain&limit=x"].map((path) => raw("GET", path)),
  );
  for (const name of ["etag", "cache-control", "content-type", "content-length"])
    assert.is(byQuery?.headers[name], byPath?.headers[name], name);
  const headers = { "if-none-match": String(byPath?.headers.etag) };
  assert.is((await fetch(`${url}/orders?id=plain`, { headers })).status, 304);
  assert.is((await fetch(`${url}/orders?id=..`, { method: "HEAD" })).status, 200);
  assert.is((await raw("GET", "/orders?id=unknown")).status, 404);
  for (const query of ["id=", "id=%00", `id=${"x".repeat(129)}`, "id=plain&id=other"]) {
    const { status, body } = await raw("GET", `/orders?${query}`);
    assert.equal([status, JSON.parse(body).parameter], [400, "id"], query);
  }
  assert.is(JSON.parse((await raw("GET", "/orders?id[]=plain&id=")).body).parameter, "id[]");
});

http("unknown routes are 404, and other methods 405 with Allow", async () => {
  for (const path of ["/nothing", "/../etc/passwd", "/orders/a/b", "//", "/%00", "/page.js.map"]) {
    const { status, body } = await raw("GET", path);
    assert.ok(status === 404 || status === 400, `${path} ${status}`);
    assert.ok(JSON.parse(body).type.startsWith("urn:waybill:problem:"));
  }
  const wrong = [
    ["DELETE", "/orders/a", "GET, HEAD"],
    ["PUT", "/orders", "GET, POST, HEAD"],
    ["POST", "/audit", "GET, HEAD"],
    ["OPTIONS", "/healthz", "GET, HEAD"],
    ["OPTIONS", "/orders", "GET, POST, HEAD"],
    ["OPTIONS", "/deadletters/1/redrive", "POST"],
  ] as const;
  for (const [method, path, allow] of wrong) {
    const { status, headers } = await raw(method, path);
    assert.is(status, 405, `${method} ${path}`);
    assert.is(headers.allow, allow);
  }
});

http("every answer carries a request id and the security headers, and no error says too much", async () => {
  for (const path of ["/orders/nothing", "/healthz", "/orders/%00", "/nowhere"]) {
    const response = await fetch(`${url}${path}`);
    assert.ok(response.headers.get("x-request-id"), path);
    assert.is(response.headers.get("x-content-type-options"), "nosniff");
    assert.match(response.headers.get("content-security-policy") ?? "", "default-src 'none'");
    assert.not.match(await response.text(), /node_modules|\.ts:|select /);
  }
  const own = await fetch(`${url}/healthz`, { headers: { "x-request-id": "mine-1" } });
  assert.is(own.headers.get("x-request-id"), "mine-1");
  const hostile = await fetch(`${url}/healthz`, { headers: { "x-request-id": "<b>" } });
  assert.is.not(hostile.headers.get("x-request-id"), "<b>");
});

http("Idempotency-Key: the same bytes give the first position, other bytes 422", async () => {
  const body = orderWith({ order_uid: "idempotent" });
  const send = async (payload: Buffer) => post(new Uint8Array(payload), { "idempotency-key": "order-1" });
  const first = (await (await send(body)).json()) as { position: string };
  const again = await send(body);
  assert.is(again.status, 202);
  assert.equal(await again.json(), first);
  const other = await send(orderWith({ order_uid: "other" }));
  assert.is(other.status, 422);
  const parallel = await Promise.all([1, 2, 3, 4].map(() => post("same", { "idempotency-key": "parallel" })));
  const positions = await Promise.all(
    parallel.map(async (response) => ((await response.json()) as { position: string }).position),
  );
  assert.is(new Set(positions).size, 1);
  assert.is((await post("x", { "idempotency-key": "y".repeat(256) })).status, 400);
});

http("GET /messages/:position says how a message came and why it was rejected", async () => {
  const letter = await settle(orderWith({ customer_id: 5, order_uid: "rejected" }));
  assert.is(letter.outcome, "dead");
  assert.is(letter.code, "schema");
  assert.is(letter.source, "http");
  assert.equal(letter.errors, [
    { path: "/customer_id", rule: "type", expected: "a string", received: "number", excerpt: "5" },
  ]);
  const original = await settle(orderWith({ order_uid: "twice" }));
  const copy = await settle(orderWith({ order_uid: "twice" }));
  assert.is(copy.outcome, "duplicate");
  assert.is(copy.original_position, original.position);
  for (const path of [
    "/messages/0",
    "/messages/-1",
    "/messages/x",
    "/messages/1e3",
    "/messages/9223372036854775808",
    "/messages/1?wait=31",
    "/messages/1?wait=x",
  ]) {
    assert.is((await raw("GET", path)).status, 400, path);
  }
  assert.is((await raw("GET", "/messages/999999999")).status, 404);
});

http("GET /orders lists the newest first, page by page", async () => {
  for (const id of ["page1", "page2", "page3"]) await settle(orderWith({ order_uid: id }));
  type Page = {
    orders: {
      id: string;
      position: string;
      customer_id: string;
      track_number: string;
      date_created: string;
    }[];
    next: string | null;
  };
  const list = async (query: string) => (await (await fetch(`${url}/orders?${query}`)).json()) as Page;
  const first = await list("limit=2");
  assert.equal(
    first.orders.map(({ id }) => id),
    ["page3", "page2"],
  );
  const second = await list(`limit=2&before=${first.next}`);
  assert.is(second.orders[0]?.id, "page1");
  assert.equal(Object.keys(second.orders[0] ?? {}), [
    "id",
    "position",
    "customer_id",
    "track_number",
    "date_created",
  ]);
  assert.is((await list("limit=500")).next, null);
  for (const query of ["limit=0", "limit=501", "limit=x", "before=-1", "before=x", "limit=1&limit=2"]) {
    assert.is((await fetch(`${url}/orders?${query}`)).status, 400, query);
  }
});

http("garbage of every kind over HTTP becomes one dead letter each", async () => {
  const factory = new OrderFactory(11);
  for (let sent = 0; sent < 60; sent++) {
    const { payload, code, kind } = makeGarbage(ordersKit, factory);
    if (payload.length > 100_000) continue;
    assert.is((await settle(payload)).code, code, kind);
  }
});

http("GET /events shows orders, dead letters and counts as they happen", async () => {
  const stopping = new AbortController();
  const response = await fetch(`${url}/events`, { signal: stopping.signal });
  assert.is(response.headers.get("content-type"), "text/event-stream");
  let text = "";
  const reading = (async () => {
    for await (const chunk of response.body as AsyncIterable<Uint8Array>)
      text += Buffer.from(chunk).toString();
  })().catch(() => {});
  await until("the counts come", () => text.includes("event: counts"));
  await settle(orderWith({ order_uid: "watched" }));
  await settle(Buffer.from("garbage"));
  await until("the order comes", () => /event: orders\ndata: .*"id":"watched"/.test(text));
  await until("the dead letter comes", () => /event: deadletters\ndata: .*"code":"not_json"/.test(text));
  stopping.abort();
  await reading;
});

http("metrics are those that dashboards rely on", async () => {
  await settle(toPayload(new OrderFactory(9).next()));
  await auditOf(url);
  const text = await (await fetch(`${url}/metrics`)).text();
  for (const name of [
    "inbox_appended_total",
    "inbox_append_duration_seconds_count",
    "inbox_batch_messages_count",
    "inbox_buffer_bytes",
    "outcomes_total",
    "pending_messages",
    "oldest_pending_age_seconds",
    "publish_to_readable_seconds_count",
    "projection_duration_seconds_count",
    "cache_entries",
    "cache_bytes",
    "cache_requests_total",
    "source_connected",
    "database_connected",
    "audit_discrepancies",
    "audit_age_seconds",
    "http_request_duration_seconds_count",
  ]) {
    assert.match(text, new RegExp(`^waybill_${name}(\\{[^}]*\\})? [\\d.e+-]+$`, "m"), name);
  }
  assert.match(text, 'waybill_pending_messages{domain="orders"} 0');
  assert.match(
    text,
    /waybill_http_request_duration_seconds_bucket\{le="\+Inf",method="POST",route="\/orders",status="202"\} \d+/,
  );
});

http(
  "a restart restores the cache, and a cache that is too small reads through, one query per id",
  async () => {
    await service[Symbol.asyncDispose]();
    const small = await startInProcess(database, { CACHE_BYTES_MAX: "0" });
    const restored = await startInProcess(database);
    const metric = async (base: string, pattern: RegExp) =>
      Number(pattern.exec(await (await fetch(`${base}/metrics`)).text())?.[1]);
    const { rows } = await database.admin("select count(*)::int as count from orders");
    await until(
      "the cache is restored",
      async () =>
        (await metric(restored.url, /waybill_cache_entries\{domain="orders"\} (\d+)/)) === rows[0].count,
    );
    assert.is((await fetch(`${restored.url}/orders/etag`)).status, 200);
    assert.is(await metric(restored.url, /cache_requests_total\{domain="orders",result="hit"\} (\d+)/), 1);

    // While a lock holds the query up, all requests share it, although the client of the first one leaves.
    await database.admin("alter table orders rename to orders_away");
    await database.admin(
      "create view orders as select o.* from orders_away o, (select pg_advisory_xact_lock_shared(7)) as held",
    );
    await database.admin("grant select on orders to waybill");
    let most = 0;
    const countQueries = async () => {
      const active = await database.admin(
        "select count(*)::int as count from pg_stat_activity where state = 'active' and datname = current_database() and query like '%as document%' and pid <> pg_backend_pid()",
      );
      most = Math.max(most, active.rows[0].count);
      return most;
    };
    const leaving = new AbortController();
    const asking = await withClient(database.adminUrl, async (holder) => {
      await holder.query("select pg_advisory_lock(7)");
      const left = errorOf(fetch(`${small.url}/orders/etag`, { signal: leaving.signal }));
      await until("the query is under way", async () => (await countQueries()) > 0);
      const sent = Array.from({ length: 50 }, () => fetch(`${small.url}/orders/etag`));
      leaving.abort();
      assert.is((await left).name, "AbortError");
      await countQueries();
      return sent;
    });
    const answers = await Promise.all(asking);
    assert.ok(answers.every(({ status }) => status === 200));
    assert.is(most, 1);
    assert.is(await metric(small.url, /cache_requests_total\{domain="orders",result="miss"\} (\d+)/), 51);
    await small[Symbol.asyncDispose]();
    await restored[Symbol.asyncDispose]();
  },
);

http.after(async () => database[Symbol.asyncDispose]());
http.run();
