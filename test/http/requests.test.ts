/** Malformed requests, refused before any route. */
import { connect } from "node:net";
import { buffer, text } from "node:stream/consumers";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { createDatabase } from "../support/database.ts";
import { orderWith } from "../support/messages.ts";
import { startInProcess } from "../support/service.ts";

const database = await createDatabase();
const service = await startInProcess(database);
const { url } = service;
const http = suite("requests");

/** @returns the status of a request with this raw head. */
async function statusOf(head: string): Promise<number> {
  const socket = connect(service.port, "127.0.0.1");
  socket.write(`${head}\r\nConnection: close\r\n\r\n`);
  const answer = await text(socket);
  return Number(/^HTTP\/1\.1 (\d+)/.exec(answer)?.[1]);
}

http("one Host header with a host, or the request is refused", async () => {
  const hosts = [
    ["Host: 127.0.0.1\r\nHost: 127.0.0.1", 400],
    ["Host: a b", 400],
    ["Host: user@127.0.0.1", 400],
    ["Host: 127.0.0.1:port", 400],
    [`Host: 127.0.0.1:${service.port}`, 200],
    ["host: localhost", 200],
    ["Host: [::1]:80", 200],
  ] as const;
  for (const [host, expected] of hosts)
    assert.is(await statusOf(`GET /readyz HTTP/1.1\r\n${host}`), expected, host);
});

http("an idle connection is kept, and the answer says for how long", async () => {
  const { headers } = await fetch(`${url}/healthz`);
  assert.is(headers.get("keep-alive"), "timeout=75");
});

http("an absolute target is answered as its path, for the host that it names", async () => {
  const body = new Uint8Array(orderWith({ order_uid: "absolute" }));
  const { position } = (await (await fetch(`${url}/orders`, { method: "POST", body })).json()) as {
    position: string;
  };
  await fetch(`${url}/messages/${position}?wait=10`);
  const asked = (target: string) => statusOf(`GET ${target} HTTP/1.1\r\nHost: 127.0.0.1`);
  assert.is(await asked(`http://127.0.0.1:${service.port}/orders/absolute`), 200);
  assert.is(await asked("HTTP://localhost/orders?limit=1"), 200);
  assert.is(await asked("http://evil.example/orders?limit=1"), 403);
  assert.is(await asked("ftp://127.0.0.1/orders/absolute"), 404);
});

http("an address has the parameters that are described, and no others", async () => {
  for (const path of [
    "/orders?limt=1",
    "/orders/a?x=1",
    "/messages/1?wiat=1",
    "/audit?ful=true",
    "/deadletters?chanel=a",
  ]) {
    const response = await fetch(`${url}${path}`);
    assert.is(response.status, 400, path);
    const { parameter } = (await response.json()) as { parameter: string };
    assert.is(parameter, /\?(\w+)=/.exec(path)?.[1]);
  }
  assert.is((await fetch(`${url}/?utm_source=mail`)).status, 200);
});

/** A raw answer to a fixed request id, without its date. */
async function answerTo(method: string, target: string, headers: readonly string[]): Promise<Buffer> {
  const socket = connect(service.port, "127.0.0.1");
  const head = [`${method} ${target} HTTP/1.1`, ...headers, "X-Request-Id: same", "Connection: close"];
  socket.write(`${head.join("\r\n")}\r\n\r\n`);
  return Buffer.from((await buffer(socket)).toString("latin1").replace(/^Date: .*\r\n/m, ""), "latin1");
}

http("a plain order id gets the same bytes with and without the router", async () => {
  const orders = [
    { order_uid: "direct", note: "ü\u{1f4e6}" },
    { order_uid: "~a.b_c-9", note: "ü".repeat(20_000) },
  ].map(orderWith);
  for (const body of orders) {
    const posted = await fetch(`${url}/orders`, { method: "POST", body: new Uint8Array(body) });
    await fetch(`${url}/messages/${((await posted.json()) as { position: string }).position}?wait=10`);
  }
  const etag = (await fetch(`${url}/orders/direct`)).headers.get("etag");
  const host = "Host: localhost";
  const cases: [string, string, string[]][] = [
    ...["direct", "~a.b_c-9", "absent", ".", "..", "x".repeat(128), "x".repeat(129)].map(
      (id): [string, string, string[]] => ["GET", id, [host]],
    ),
    ...["HEAD", "POST", "DELETE", "OPTIONS"].map((method): [string, string, string[]] => [
      method,
      "direct",
      [host],
    ]),
    ["HEAD", "absent", [host]],
    ...[`${etag}`, `W/${etag}`, `"other", ${etag}`, "*", '"other"', ""].map(
      (tags): [string, string, string[]] => ["GET", "direct", [host, `If-None-Match: ${tags}`]],
    ),
    ...[
      [host, "Range: bytes=0-9"],
      [host, "If-Modified-Since: Fri, 27 Nov 2099 00:00:00 GMT"],
      [host, "Authorization: Bearer wrong"],
      [host, "Origin: http://evil.example", "Sec-Fetch-Site: cross-site"],
      [host, host],
      ["Host: evil.example"],
      ["Host: a b"],
    ].map((headers): [string, string, string[]] => ["GET", "direct", headers]),
  ];
  for (const [method, id, headers] of cases) {
    const [direct, ...routed] = await Promise.all(
      [`/orders/${id}`, `/orders/${id}?`, `/Orders/${id}`].map((target) => answerTo(method, target, headers)),
    );
    const named = `${method} ${id} ${headers.join()}`;
    for (const other of routed) assert.is(other.toString("latin1"), direct?.toString("latin1"), named);
    const body = direct?.subarray(direct.indexOf("\r\n\r\n") + 4);
    const order = orders[["direct", "~a.b_c-9"].indexOf(id)];
    if (direct?.includes(" 200 OK"))
      assert.ok(body?.equals(method === "GET" && order ? order : Buffer.of()), named);
  }
  const metrics = await (await fetch(`${url}/metrics`)).text();
  const counted =
    /http_request_duration_seconds_count\{method="HEAD",route="\/orders\/:id",status="200"\} (\d+)/;
  assert.is(counted.exec(metrics)?.[1], "3");
});

http.after(async () => {
  await service[Symbol.asyncDispose]();
  await database[Symbol.asyncDispose]();
});
http.run();
