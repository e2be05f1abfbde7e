/** Bodies that are too large, truncated, compressed or endless: each is answered, and other clients are not affected. */
import { readFile } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import { brotliCompressSync, deflateSync, gzipSync } from "node:zlib";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Request } from "../../src/contract/route.ts";
import { redriveType } from "../../src/deadletter/repair/requests.ts";
import { readJsonBody } from "../../src/http/server/body.ts";
import { createDatabase } from "../support/database.ts";
import { errorOf } from "../support/error.ts";
import { orderWith } from "../support/messages.ts";
import { auditOf, startAsProcess } from "../support/service.ts";
import { largeOrdersMs, leastTurn } from "../support/turns.ts";
import { until } from "../support/wait.ts";

const database = await createDatabase();
const { url, child, logFile } = await startAsProcess(database.serviceUrl, {
  PAYLOAD_BYTES_MAX: "100000",
  LOG_LEVEL: "debug",
});
const port = Number(new URL(url).port);
const bodies = suite("bodies");

const post = (body: BodyInit, headers: Record<string, string> = {}, path = "/orders") =>
  fetch(`${url}${path}`, { method: "POST", body, headers });

/** A chunked body in parts of 64 KiB. */
function inChunks(bytes: number) {
  let sent = 0;
  const body = new ReadableStream({
    pull(controller) {
      controller.enqueue(new Uint8Array(65_536));
      sent += 65_536;
      if (sent >= bytes) controller.close();
    },
  });
  return fetch(`${url}/orders`, { method: "POST", body, duplex: "half" } as RequestInit);
}

async function countOf(labels: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  return Number(new RegExp(`duration_seconds_count\\{${labels}\\} (\\d+)`).exec(text)?.[1] ?? 0);
}

bodies(
  "a body that is too large is 413 whatever its size, announced or not, and nothing is appended",
  async () => {
    const before = (await auditOf(url)).received;
    for (const bytes of [100_001, 2_000_000, 50_000_000]) {
      const announced = await post(new Uint8Array(bytes));
      assert.is(announced.status, 413, `${bytes} bytes`);
      assert.is((await announced.json()).type, "urn:waybill:problem:too-large");
      assert.is((await inChunks(bytes)).status, 413, `${bytes} bytes in chunks`);
    }
    assert.is((await post("x".repeat(2_000_000), {}, "/session")).status, 413);
    assert.is((await auditOf(url)).received, before);
  },
);

bodies("a body that never ends is read for a while, and then its connection is closed", async () => {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => {});
  let answer = "";
  socket.on("data", (chunk) => {
    answer += chunk;
  });
  const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
  socket.write("POST /orders HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n");
  const part = Buffer.concat([Buffer.from("10000\r\n"), Buffer.alloc(65_536), Buffer.from("\r\n")]);
  const write = () => {
    while (socket.writable && socket.write(part));
  };
  socket.on("drain", write);
  write();
  await closed;
  assert.match(answer, /^HTTP\/1\.1 413 /);
});

bodies("a client that goes away in the middle is no error of the service, and appends nothing", async () => {
  const before = (await auditOf(url)).received;
  const cutOff = async (head: string, labels: string) => {
    const counted = await countOf(labels);
    const socket: Socket = connect(port, "127.0.0.1");
    socket.write(`${head}\r\nhost: localhost\r\ncontent-length: 100\r\n\r\nhalf`);
    // A later connection was answered, so the head has arrived.
    await new Promise<void>((resolve) => socket.once("connect", () => resolve()));
    await fetch(`${url}/healthz`);
    socket.destroy();
    await until(`${labels} is counted`, async () => (await countOf(labels)) === counted + 1);
  };
  await cutOff("POST /session HTTP/1.1", 'method="POST",route="/session",status="499"');
  await cutOff("POST /orders HTTP/1.1", 'method="POST",route="/orders",status="499"');
  const route = "/deadletters/redrive";
  await cutOff(`POST ${route} HTTP/1.1`, `method="POST",route="${route}",status="499"`);
  assert.is(await countOf('method="POST",route="/session",status="500"'), 0);
  const lines = (await readFile(logFile, "utf8")).split("\n").filter((line) => line.includes('"level"'));
  const levels = lines.map((line) => JSON.parse(line).level as string);
  assert.ok(levels.includes("debug"));
  assert.not.ok(levels.includes("error"));
  assert.is((await auditOf(url)).received, before);
});

bodies("a compressed body is refused with what to do, and so is another charset", async () => {
  const before = (await auditOf(url)).received;
  const order = orderWith({ order_uid: "compressed" });
  for (const [coding, body] of [
    ["gzip", gzipSync(order)],
    ["GZIP", gzipSync(order)],
    ["deflate", deflateSync(order)],
    ["br", brotliCompressSync(order)],
    ["identity, gzip", gzipSync(order)],
  ] as const) {
    const refused = await post(new Uint8Array(body), { "content-encoding": coding });
    assert.is(refused.status, 415, coding);
    assert.is(refused.headers.get("accept-encoding"), "identity");
    assert.match((await refused.json()).detail, "without a Content-Encoding");
  }
  for (const type of ["application/json; charset=utf-16", 'text/plain;charset="ISO-8859-1"'])
    assert.is((await post(new Uint8Array(order), { "content-type": type })).status, 415, type);
  assert.is((await post("{}", { "content-encoding": "gzip" }, "/deadletters/redrive")).status, 415);
  assert.is((await post("token", { "content-encoding": "gzip" }, "/session")).status, 415);
  assert.is((await auditOf(url)).received, before);
  for (const headers of [
    { "content-encoding": "identity" },
    { "content-type": "application/json; charset=UTF-8" },
    { "content-type": "text/plain; charset=us-ascii" },
  ])
    assert.is((await post(new Uint8Array(order), headers as Record<string, string>)).status, 202);
});

bodies("a body of nothing but unknown members is refused at once", async () => {
  const members = Array.from({ length: 70_000 }, (_value, index) => `"k${index}":1`);
  const payload = Buffer.from(`{${members.join()}}`);
  const request = {
    headers: {},
    iterator: async function* () {
      yield payload;
    },
  };
  let refusal: unknown;
  const limit = largeOrdersMs();
  const turn = await leastTurn(limit, async () => {
    refusal = await errorOf(readJsonBody(request as unknown as Request, redriveType, payload.length));
  });
  assert.match(String(refusal), "at most 100 members");
  assert.ok(turn < limit, `${turn} ms without a turn for others`);
});

bodies.after(async () => {
  await child.end("SIGTERM");
  await database[Symbol.asyncDispose]();
});
bodies.run();
