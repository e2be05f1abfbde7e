/** Refusals of the dead letter routes. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { createDatabase } from "../support/database.ts";
import { errorOf } from "../support/error.ts";
import { orderWith } from "../support/messages.ts";
import { startInProcess } from "../support/service.ts";
import { until } from "../support/wait.ts";

/** A strict reader of RFC 4180. */
function parseCsv(text: string): string[][] {
  const rows: string[][] = [];
  let row: string[] = [];
  for (const [, quoted, plain, end] of text.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/gy)) {
    row.push(quoted?.replaceAll('""', '"') ?? plain ?? "");
    if (end === ",") continue;
    rows.push(row);
    row = [];
  }
  assert.is(
    rows.map((fields) => fields.length).every((count) => count === rows[0]?.length),
    true,
  );
  return rows;
}

// biome-ignore lint/suspicious/noExplicitAny: openapi.test.ts checks these shapes.
type Document = Record<string, any>;

const database = await createDatabase();
const service = await startInProcess(database, { PAYLOAD_BYTES_MAX: "200000" });
const { url } = service;
const http = suite("http: dead letters");

async function ask(method: string, path: string, body?: unknown) {
  const response = await fetch(`${url}${path}`, {
    method,
    ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
  });
  return { status: response.status, headers: response.headers, body: (await response.json()) as Document };
}
const get = (path: string) => ask("GET", path);
const post = (path: string, body?: unknown) => ask("POST", path, body);

async function bury(payload: Buffer | string): Promise<string> {
  const { body } = await ask("POST", "/orders", payload.toString());
  await get(`/messages/${body.position}?wait=10`);
  return body.position;
}

http("a parameter that cannot be meant is named", async () => {
  const bad: [string, string][] = [
    ["state=closed", "state"],
    ["state=open&state=open", "state"],
    ["code=%25", "code"],
    ["domain=order", "domain"],
    ["channel=%00", "channel"],
    ["path=/a%00", "path"],
    ["q=%00", "q"],
    ["fingerprint=abc", "fingerprint"],
    ["path=items", "path"],
    ["since=2026-13-45", "since"],
    ["until=soon", "until"],
    ["since=2026-02-01&until=2026-01-01", "until"],
    ["q=", "q"],
    ["before=0", "before"],
    ["before=999999999", "before"],
    ["before=12%27--", "before"],
    ["limit=0", "limit"],
    ["limit=501", "limit"],
    ["limit=1e2", "limit"],
    ["sate=open", "sate"],
    ["positions=1,,2", "positions"],
  ];
  for (const [query, parameter] of bad) {
    const { status, body, headers } = await get(`/deadletters?${query}`);
    assert.is(status, 400, query);
    assert.match(headers.get("content-type") ?? "", "application/problem+json");
    assert.is(body.parameter, parameter, query);
    assert.match(body.detail, parameter);
  }
  const { body } = await get("/deadletters?state=closed");
  assert.is(body.detail, 'state must be "discarded", "open" or "redriven"');
  for (const path of ["/deadletters/x", "/deadletters/0", "/deadletters/redrives/x", "/messages/-1/payload"])
    assert.is((await get(path)).status, 400, path);
  for (const path of ["/deadletters/9999999", "/deadletters/redrives/99", "/messages/9999999/payload"])
    assert.is((await get(path)).status, 404, path);
});

http("wildcards and quotes in a search are what they are", async () => {
  await bury("100 % of \"_'\\ and nothing else");
  for (const q of ["%", "_", "'", '"', "\\", "100 % of"]) {
    const { body } = await get(`/deadletters?q=${encodeURIComponent(q)}`);
    assert.is((body.deadletters as unknown[]).length, 1, q);
  }
  assert.is(((await get("/deadletters?q=100%25%25")).body.deadletters as unknown[]).length, 0);
});

http("a body that cannot be meant is named, and changes nothing", async () => {
  const position = await bury("not yet");
  const one = `/deadletters/${position}`;
  const bad: [string, unknown, string][] = [
    [`${one}/discard`, undefined, "body"],
    [`${one}/discard`, "{", "body"],
    [`${one}/discard`, {}, "author"],
    [`${one}/discard`, { author: " ", reason: "x" }, "author"],
    [`${one}/discard`, { author: "x\u001b[31m", reason: "x" }, "author"],
    [`${one}/discard`, { author: "x\u202e", reason: "x" }, "author"],
    [`${one}/discard`, { author: "x".repeat(101), reason: "x" }, "author"],
    [`${one}/discard`, { author: "x", reason: "" }, "reason"],
    [`${one}/restore`, { author: "x" }, "reason"],
    [`${one}/redrive`, undefined, "author"],
    [`${one}/redrive`, {}, "author"],
    [`${one}/redrive`, { reason: "x" }, "author"],
    [`${one}/redrive`, { payload: 5 }, "payload"],
    [`${one}/redrive`, '{"payload":"\\ud800","author":"a","reason":"b"}', "payload"],
    [`${one}/redrive`, { payload: orderWith({}).toString(), author: "a" }, "reason"],
    [`${one}/redrive`, { paylod: "x" }, "paylod"],
    [`${one}/redrive?dryRun=yes`, {}, "dryRun"],
    [`${one}/redrive?dryrun=true`, {}, "dryrun"],
    ["/deadletters/redrive", {}, "filter"],
    ["/deadletters/redrive", { filter: [], author: "a", reason: "b" }, "filter"],
    ["/deadletters/redrive?dryRun=true", { filter: [] }, "filter"],
    ["/deadletters/redrive", { filter: { channel: "\0" }, author: "a", reason: "b" }, "filter.channel"],
    ["/deadletters/redrive", { filter: { path: "/a\0" }, author: "a", reason: "b" }, "filter.path"],
    ["/deadletters/redrive", { filter: { domain: "order" }, author: "a", reason: "b" }, "domain"],
    [`${one}/redrive`, [], "body"],
    ["/deadletters/discard", { filter: {}, author: "a" }, "reason"],
    ["/deadletters/discard", { filter: { positions: "0" }, author: "a", reason: "b" }, "filter.positions"],
    ["/deadletters/restore", { filter: { state: "open" }, author: "a", reason: "b" }, "state"],
    ["/deadletters/restore?dryRun=1", { filter: {} }, "dryRun"],
    [`${one}/reveal`, [], "body"],
    ["/deadletters/redrive", { filter: { code: "x" }, author: "a", reason: "b" }, "filter.code"],
    ["/deadletters/redrive", { filter: {}, reason: "b" }, "author"],
    ["/deadletters/redrive", { filter: {}, author: "a" }, "reason"],
    ["/deadletters/redrive", { filter: {}, author: "a", reason: "b", limit: 0 }, "limit"],
    ["/deadletters/redrive", { filter: { state: "discarded" }, author: "a", reason: "b" }, "state"],
    ["/deadletters/redrive", { filter: { code: "empty" }, author: "a", reason: "b" }, "filter"],
  ];
  for (const [path, body, parameter] of bad) {
    const answer = await post(path, body);
    assert.is(answer.status, 400, `${path} ${JSON.stringify(body)}`);
    assert.is(answer.body.parameter, parameter, `${path} ${JSON.stringify(body)}: ${answer.body.detail}`);
  }
  assert.is((await get(one)).body.state, "open");
  assert.equal((await get(one)).body.actions, []);
  const large = await post(`${one}/redrive`, { payload: "x".repeat(200_001), author: "a", reason: "b" });
  assert.is(large.status, 413);
});

http("an edited payload that would be dead again is refused with every problem", async () => {
  const position = await bury(orderWith({ order_uid: "to mend", locale: 1 }));
  const path = `/deadletters/${position}/redrive`;
  const bad = orderWith({ order_uid: "to mend", locale: 1, sm_id: "1" }).toString();
  const refused = await post(path, { payload: bad, author: "Ann", reason: "try" });
  assert.is(refused.status, 422);
  assert.equal(
    (refused.body.errors as { path: string }[]).map((error) => error.path),
    ["/locale", "/sm_id"],
  );
  const good = orderWith({ order_uid: "to mend" }).toString();
  const trial = await post(`${path}?dryRun=true`, { payload: good });
  assert.equal([trial.status, trial.body.outcome], [200, "projected"]);
  const redriven = await post(path, { payload: good, author: "Ann", reason: "mended" });
  assert.is(redriven.status, 202);
  assert.is(redriven.headers.get("location"), `/messages/${redriven.body.redrive_position}`);
  const outcome = await get(`/messages/${redriven.body.redrive_position}?wait=10`);
  assert.is(outcome.body.outcome, "projected");
  assert.is(await (await fetch(`${url}/orders/to%20mend`)).text(), good);
  assert.is((await post(path, { author: "Bob" })).status, 409);
});

http("two redrive the same letter at once: one does, the other gets 409", async () => {
  const position = await bury("both of them");
  const answers = await Promise.all(
    ["Ann", "Bob"].map((author) => post(`/deadletters/${position}/redrive`, { author })),
  );
  assert.equal(answers.map(({ status }) => status).sort(), [202, 409]);
});

http(
  "the bytes of a message are an attachment that no browser takes for a page, and the asking is kept",
  async () => {
    const payload = '<script>alert(1)</script>{"name":"Ann"}';
    const position = await bury(payload);
    const response = await fetch(`${url}/messages/${position}/payload?author=Ann&reason=to%20see`);
    assert.is(await response.text(), payload);
    assert.is(response.headers.get("content-type"), "application/octet-stream");
    assert.is(response.headers.get("x-content-type-options"), "nosniff");
    assert.match(
      response.headers.get("content-disposition") ?? "",
      /^attachment; filename="message-\d+\.bin"$/,
    );
    const { actions } = (await get(`/messages/${position}`)).body as unknown as { actions: Document[] };
    assert.equal(
      actions.map(({ action, author, reason }) => [action, author, reason]),
      [["reveal", "Ann", "to see"]],
    );
    assert.is((await fetch(`${url}/messages/${position}/payload?author=%1b`)).status, 400);
  },
);

http("an export is masked, complete, and safe to open in a spreadsheet", async () => {
  const formulas = [
    '=cmd|" /C calc"!A0',
    "+1+1",
    "-x",
    "@sum(1)",
    "\t=1",
    "\uff1d1",
    'plain, "quoted"\r\nline',
  ];
  const positions: string[] = [];
  for (const text of formulas) positions.push(await bury(text));
  positions.push(await bury(orderWith({ order_uid: "=1", locale: "+1", sm_id: null })));
  positions.push(await bury(Buffer.from([0xff, 0xfe]).toString("latin1")));
  const selected = `positions=${positions.join(",")}`;
  const csv = await fetch(`${url}/deadletters/export?format=csv&${selected}`);
  assert.is(csv.headers.get("content-type"), "text/csv;charset=utf-8;header=present");
  assert.match(
    csv.headers.get("content-disposition") ?? "",
    /^attachment; filename="dead-letters-\d{8}T\d{6}Z\.csv"$/,
  );
  const [head = [], ...rows] = parseCsv(await csv.text());
  assert.equal([head[0], head.at(-1), rows.length], ["position", "payload", positions.length]);
  const byPosition = new Map(rows.map((row) => [row[0], row]));
  for (const [index, text] of formulas.slice(0, 6).entries())
    assert.is(byPosition.get(positions[index])?.at(-1), `'${text}`);
  assert.is(byPosition.get(positions[6])?.at(-1), formulas[6]);
  for (const row of rows) for (const value of row) assert.not.match(value, /^[=+\-@\t\r\uff1d]/);

  const ndjson = await fetch(`${url}/deadletters/export?format=ndjson&${selected}`);
  assert.is(ndjson.headers.get("content-type"), "application/x-ndjson");
  const text = await ndjson.text();
  const lines = text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Document);
  assert.equal(lines.pop(), { complete: true, letters: positions.length });
  assert.equal(
    lines.map(({ position }) => position),
    positions.toReversed(),
  );
  assert.is(lines.at(-1)?.payload.content, formulas[0]);
  assert.not.match(text, "+9720000000");
  assert.not.match(text, "reveal");
});

http("an export with personal data needs a name and a reason, and records each letter first", async () => {
  const positions = [
    await bury(orderWith({ order_uid: "to reveal 1", locale: 5 })),
    await bury(orderWith({ order_uid: "to reveal 2", locale: 5 })),
  ];
  const path = `/deadletters/export?format=ndjson&reveal=true&positions=${positions.join(",")}`;
  const bad: [string, string][] = [
    [path, "author"],
    [`${path}&author=Ann`, "reason"],
    [path.replace("true", "yes"), "reveal"],
    ["/deadletters/export?format=xml", "format"],
    ["/deadletters/export", "format"],
    ["/deadletters/export?format=csv&domain=order", "domain"],
    ["/deadletters/export?format=csv&limit=1", "limit"],
  ];
  for (const [refused, parameter] of bad) {
    const { status, body } = await get(refused);
    assert.equal([status, body.parameter], [400, parameter], refused);
  }
  assert.is((await fetch(`${url}${path}&author=Ann&reason=x`, { method: "HEAD" })).status, 200);
  assert.equal((await get(`/messages/${positions[0]}`)).body.actions, []);
  const revealed = await (await fetch(`${url}${path}&author=Ann&reason=to%20compare`)).text();
  assert.is(revealed.split("+9720000000").length, 3);
  for (const position of positions) {
    const { actions } = (await get(`/messages/${position}`)).body as unknown as { actions: Document[] };
    assert.equal(
      actions.map(({ action, author, reason }) => [action, author, reason]),
      [["reveal", "Ann", "to compare"]],
    );
  }
});

http("an export that breaks off is an error for its reader", async () => {
  // More than one part.
  const positions: string[] = [];
  for (let index = 0; index < 14; index++) positions.push(await bury(`cut ${index} ${"x".repeat(190_000)}`));
  const { rows } = await database.admin("select errors from dead_letters where position = $1", [
    positions[0],
  ]);
  const setErrors = (errors: unknown) =>
    database.admin("update dead_letters set errors = $2 where position = $1", [
      positions[0],
      JSON.stringify(errors),
    ]);
  await setErrors([{}]);
  for (const format of ["ndjson", "csv"]) {
    const response = await fetch(
      `${url}/deadletters/export?format=${format}&positions=${positions.join(",")}`,
    );
    assert.is(response.status, 200);
    let text = "";
    const broken = await errorOf(
      (async () => {
        for await (const part of response.body as ReadableStream<Uint8Array>) text += Buffer.from(part);
      })(),
    );
    assert.match(broken.message, "terminated");
    assert.match(text, "cut 13");
    assert.not.match(text, /cut 0|complete/);
  }
  // Before the first part, the same error is a problem document.
  assert.is((await get(`/deadletters/export?format=csv&positions=${positions[0]}`)).status, 500);
  await setErrors(rows[0]?.errors);
});

http("a bulk redrive runs by itself, and says how far it has come", async () => {
  for (let index = 0; index < 20; index++)
    await bury(orderWith({ order_uid: `bulk ${index}`, entry: index }));
  const filter = { path: "/entry" };
  const dry = await post("/deadletters/redrive?dryRun=true", { filter });
  assert.equal([dry.body.letters, dry.body.dead, (dry.body.failures as unknown[]).length], [20, 20, 1]);
  const begun = await post("/deadletters/redrive", {
    filter,
    author: "Ann",
    reason: "again",
    failures_max: 3,
  });
  assert.is(begun.status, 202);
  const path = begun.headers.get("location") as string;
  const ended = await until("it has ended", async () => {
    const { body } = await get(path);
    return body.status === "running" ? undefined : body;
  });
  assert.equal([ended.status, ended.redriven, ended.dead], ["stopped", 11, 11]);
  assert.is((await post(`${path}/cancel`, { author: "Ann", reason: "x" })).status, 409);
  const { redrives } = (await get("/deadletters/redrives")).body as unknown as { redrives: Document[] };
  assert.is(redrives[0]?.id, ended.id);
});

http("metrics count dead letters by state and code", async () => {
  await bury("");
  const text = await (await fetch(`${url}/metrics`)).text();
  assert.match(text, 'waybill_deadletters{domain="orders",state="open",code="empty"} 1');
  assert.match(text, /waybill_deadletters\{domain="orders",state="redriven",code="schema"\} \d+/);
});

http.after(async () => {
  await service[Symbol.asyncDispose]();
  await database[Symbol.asyncDispose]();
});
http.run();
