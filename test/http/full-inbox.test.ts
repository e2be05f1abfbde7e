/** A full inbox: the service, its API document and the documentation tell senders the same. */
import { readFileSync } from "node:fs";
import pg from "pg";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { createDatabase } from "../support/database.ts";
import { startInProcess } from "../support/service.ts";

const full = suite("full inbox");
const database = await createDatabase();
const service = await startInProcess(database, {
  INBOX_BUFFER_BYTES_MAX: "65536",
  PAYLOAD_BYTES_MAX: "30000",
});
const post = (body: string) => fetch(`${service.url}/orders`, { method: "POST", body });

full(
  "a message that finds no room is answered 503 with Retry-After, and the next one is stored",
  async () => {
    const holder = new pg.Client({ connectionString: database.adminUrl });
    await holder.connect();
    await holder.query("begin; lock table inbox in access exclusive mode");
    const payloads = Array.from({ length: 6 }, (_, index) => `${index}`.repeat(20_000));
    const sending = payloads.map(post);
    // Nothing can be committed, so the first answers are rejections.
    const refused = await Promise.race(sending);
    assert.is(refused.status, 503);
    assert.ok(Number(refused.headers.get("retry-after")) > 0);
    const problem = (await refused.json()) as { type: string; detail: string };
    assert.equal([problem.type, problem.detail], ["urn:waybill:problem:unavailable", "the inbox is full"]);
    await holder.query("rollback");
    await holder.end();
    const statuses = (await Promise.all(sending)).map(({ status }) => status);
    assert.equal(new Set(statuses), new Set([202, 503]));
    assert.is((await post("later")).status, 202);
  },
);

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

full.after(async () => {
  await service[Symbol.asyncDispose]();
  await database[Symbol.asyncDispose]();
});
full.run();
