/** A full inbox: the service, its API document and the documentation tell senders the same. */
import { readFileSync } from "node:fs";
import pg from "pg";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { DOMAINS } from "../../src/domains/index.ts";
import { createDatabase, type TestDatabase } from "../support/database.ts";
import { ledger } from "../support/ledger/index.ts";
import { startInProcess } from "../support/service.ts";
import { until } from "../support/wait.ts";

const full = suite("full inbox");
const database = await createDatabase();
const SMALL = { INBOX_BUFFER_BYTES_MAX: "65536", PAYLOAD_BYTES_MAX: "30000" };
const service = await startInProcess(database, SMALL);
const post = (body: string) => fetch(`${service.url}/orders`, { method: "POST", body });

full(
  "a message that finds no room is answered 503 with Retry-After, and the next one is stored",
  async () => {
    await using held = await holdAppends(database);
    const payloads = Array.from({ length: 6 }, (_, index) => `${index}`.repeat(20_000));
    const sending = payloads.map(post);
    // Nothing can be committed, so the first answers are rejections.
    const refused = await Promise.race(sending);
    assert.is(refused.status, 503);
    assert.ok(Number(refused.headers.get("retry-after")) > 0);
    const problem = (await refused.json()) as { type: string; detail: string };
    assert.equal([problem.type, problem.detail], ["urn:waybill:problem:unavailable", "the inbox is full"]);
    await held[Symbol.asyncDispose]();
    const statuses = (await Promise.all(sending)).map(({ status }) => status);
    assert.equal(new Set(statuses), new Set([202, 503]));
    assert.is((await post("later")).status, 202);
  },
);

full("one bound holds for all domains of a process, and each keeps its share", async () => {
  await using several = await createDatabase(undefined, [ledger]);
  await using both = await startInProcess(several, { DOMAINS: "orders,ledger", ...SMALL }, [
    ...DOMAINS,
    ledger,
  ]);
  const send = (path: string, bytes: number) =>
    fetch(`${both.url}${path}`, { method: "POST", body: "x".repeat(bytes) });
  const bufferedOf = async (domain: string) => {
    const metrics = await (await fetch(`${both.url}/metrics`)).text();
    return Number(new RegExp(`waybill_inbox_buffer_bytes{domain="${domain}"} (\\d+)`).exec(metrics)?.[1]);
  };
  await using held = await holdAppends(several);
  const sending = [20_000, 20_000, 7_000].map((bytes) => send("/orders", bytes));
  await until("the orders are buffered", async () => (await bufferedOf("orders")) > 47_000);
  sending.push(send("/ledger/entries", 10_000));
  await until("the entry is buffered", async () => (await bufferedOf("ledger")) > 10_000);
  // With the bound to itself, the inbox would have room.
  const refused = await send("/ledger/entries", 20_000);
  const { detail } = (await refused.json()) as { detail: string };
  assert.equal([refused.status, detail], [503, "the inbox is full"]);
  await held[Symbol.asyncDispose]();
  await Promise.all(sending);
});

full("the API document says so, with Retry-After, and keeps 429 for wrong tokens", async () => {
  type Response = { description: string; headers?: Record<string, object> };
  const document = (await (await fetch(`${service.url}/openapi.json`)).json()) as {
    paths: Record<string, { post: { responses: Record<string, unknown> } }>;
    components: { responses: Record<string, Response> };
  };
  const { responses } = document.components;
  assert.ok(document.paths["/orders"]?.post.responses[503]);
  assert.match(responses[503]?.description ?? "", /full/);
  for (const status of [429, 503]) assert.ok(responses[status]?.headers?.["retry-after"], String(status));
  assert.not.match(responses[429]?.description ?? "", /full/);
});

full("the documentation of the sources names the same status", () => {
  const row = readFileSync("docs/sources.md", "utf8").match(/^\| full inbox.*$/m)?.[0] ?? "";
  assert.is(row.split("|").at(-2)?.trim(), "503 with `Retry-After`");
});

/** Until it is disposed, no append can commit. */
async function holdAppends({ adminUrl }: TestDatabase): Promise<AsyncDisposable> {
  const holder = new pg.Client({ connectionString: adminUrl });
  await holder.connect();
  await holder.query("begin; lock table inbox in share mode");
  return { [Symbol.asyncDispose]: () => holder.end() };
}

full.after(async () => {
  await service[Symbol.asyncDispose]();
  await database[Symbol.asyncDispose]();
});
full.run();
