/** Malformed requests, refused before any route. */
import { connect } from "node:net";
import { text } from "node:stream/consumers";
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

http.after(async () => {
  await service[Symbol.asyncDispose]();
  await database[Symbol.asyncDispose]();
});
http.run();
