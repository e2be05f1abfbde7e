/** Notifications over gRPC and HTTP: a server on a database of its own. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { createDatabase } from "../../support/database.ts";
import { bufCurl } from "../../support/echo/echo.ts";
import { startInProcess } from "../../support/service.ts";
import { until } from "../../support/wait.ts";

const calls = suite("calls to notifications");
const database = await createDatabase();
const service = await startInProcess(database, {
  DOMAINS: "notifications",
  INGRESS_TOKEN: "testtoken",
  ADMIN_TOKEN: "admin-token-0123456789",
});
calls.after(async () => {
  await service[Symbol.asyncDispose]();
  await database[Symbol.asyncDispose]();
});
const [ANN, BEN] = ["31337", "9223372036854775807"];

type Event = readonly [order: string, user: string, status: string, second: number, sequence: number];

const EVENTS: readonly Event[] = [
  ["1", ANN, "new", 1, 1],
  ["2", ANN, "new", 3, 1],
  ["1", ANN, "awaiting payment", 2, 2],
  ["3", BEN, "new", 2, 1],
  // At the same moment as another one, as when loms decides both in one batch.
  ["2", ANN, "awaiting payment", 3, 2],
  ["1", ANN, "payed", 4, 3],
];

calls.before(async () => {
  for (const event of EVENTS) await send(event);
  await until("all are projected", async () => {
    const { rows } = await database.query("select from notifications_changes");
    return rows.length === EVENTS.length;
  });
});

async function send([order, user, status, second, sequence]: Event): Promise<void> {
  const response = await fetch(`${service.url}/notifications/events`, {
    method: "POST",
    headers: {
      authorization: "Bearer testtoken",
      "message-id": `loms/${order}/${sequence}`,
      sequence: String(sequence),
    },
    body: JSON.stringify({ order_id: order, user, status, moment: momentOf(second) }),
  });
  assert.is(response.status, 202);
}

calls("HTTP lists the messages of a user by time", async () => {
  const { status, body } = await post({ user: ANN });
  assert.is(status, 200);
  assert.equal(body.messages?.[0], {
    order_id: "1",
    status: "new",
    moment: "2026-01-01T12:00:01Z",
    sequence: 1,
  });
  assert.equal(textsOf(body), ["1 new", "1 awaiting payment", "2 new", "2 awaiting payment", "1 payed"]);
  assert.is(body.next_page_token, "");
  assert.equal(textsOf((await post({ user: BEN })).body), ["3 new"]);
  assert.equal(textsOf((await post({ user: "7" })).body), []);
});

calls("from is the first moment, and to the one after the last", async () => {
  const between = async (from: string | undefined, to: string | undefined) =>
    textsOf((await post({ user: ANN, from, to })).body);
  assert.equal(await between(momentOf(2), momentOf(4)), [
    "1 awaiting payment",
    "2 new",
    "2 awaiting payment",
  ]);
  assert.equal(await between(momentOf(4), undefined), ["1 payed"]);
  assert.equal(await between(undefined, momentOf(2)), ["1 new"]);
  assert.equal(await between(momentOf(2), momentOf(2)), []);
  // What is between two milliseconds is after the first one.
  assert.equal(await between("2026-01-01T12:00:04.000000001Z", undefined), []);
  assert.equal(await between("2026-01-01T13:00:04+01:00", "9999-12-31T23:59:59.999999999Z"), ["1 payed"]);
});

calls("the changes of an order are shown as they arrived, without the user", async () => {
  const { status, body } = await get("/notifications/orders/1");
  assert.is(status, 200);
  assert.equal(
    body.changes?.map((change) => `${change.sequence} ${change.status} ${change.arrival}`),
    ["1 new in_order", "2 awaiting payment in_order", "3 payed in_order"],
  );
  assert.not.match(JSON.stringify(body), ANN);
  assert.is((await get("/notifications/orders/99")).status, 404);
  assert.is((await get("/notifications/orders/x")).status, 400);
  assert.is((await fetch(`${service.url}/notifications/orders/1`)).status, 401);
});

calls("pages follow each other without loss, also within one moment", async () => {
  for (const size of [1, 2, 3, 5]) {
    const pages: string[][] = [];
    let token = "";
    do {
      const { body } = await post({ user: ANN, page_size: size, page_token: token });
      pages.push(textsOf(body));
      token = body.next_page_token ?? "";
    } while (token !== "");
    assert.equal(pages.flat(), textsOf((await post({ user: ANN })).body));
    assert.is(pages.length, Math.ceil(5 / size));
    assert.ok(pages.every((page) => page.length <= size));
  }
});

calls("what cannot be meant is INVALID_ARGUMENT, and names the field", async () => {
  for (const [field, change] of [
    ["user", { user: "0" }],
    ["from", { from: "yesterday" }],
    ["from", { from: "1969-12-31T23:59:59Z" }],
    ["to", { to: "2026-01-01" }],
    ["to", { from: momentOf(2), to: momentOf(1) }],
    ["page_size", { page_size: 1001 }],
    ["page_token", { page_token: "1" }],
    ["page_token", { page_token: "999999999999999.1" }],
  ] as const) {
    const { status, body } = await post({ user: ANN, ...change });
    assert.is(status, 400, JSON.stringify(change));
    assert.is(body.parameter, field, JSON.stringify(change));
  }
});

calls("a gap is counted by its kind", async () => {
  const values = async () => {
    const text = await (await fetch(`${service.url}/metrics`)).text();
    const found = text.matchAll(/^waybill_notifications_changes_total\{(.*)\} (\d+)$/gm);
    return Object.fromEntries(
      [...found].map(([, labels = "", value]) => [/arrival="(\w+)"/.exec(labels)?.[1], Number(value)]),
    );
  };
  assert.equal(await values(), { in_order: EVENTS.length, gap: 0, out_of_order: 0 });
  await send(["4", "5", "new", 5, 2]);
  await send(["4", "5", "new", 5, 1]);
  await until("both are counted", async () => (await values()).out_of_order === 1);
  assert.equal(await values(), { in_order: EVENTS.length, gap: 1, out_of_order: 1 });
});

calls("any client of gRPC lists, with the token alone", async () => {
  const url = `http://127.0.0.1:${service.grpcPort}`;
  const method = "marketplace.notifications.v1.NotificationsService/List";
  const request = { user: ANN, from: momentOf(4) };
  const { status, stdout } = await bufCurl(url, method, request, "-H", "authorization: Bearer testtoken");
  assert.is(status, 0);
  assert.equal(JSON.parse(stdout), {
    messages: [{ orderId: "1", status: "payed", moment: "2026-01-01T12:00:04Z", sequence: 3 }],
  });
  const stranger = await bufCurl(url, method, request);
  assert.is(JSON.parse(stranger.stderr).code, "unauthenticated");
  assert.is((await post({ user: ANN }, "other")).status, 401);
  assert.is((await fetch(`${service.url}/notifications/events`, { method: "POST" })).status, 401);
});

calls("a broken event that an operator mends keeps the headers that it came with", async () => {
  await send(["7", ANN, "unheard of", 9, 1]);
  const letter = await until("it is a dead letter", async () => {
    const { rows } = await database.query<{ position: bigint }>("select position from dead_letters");
    return rows[0]?.position;
  });
  const payload = JSON.stringify({ order_id: "7", user: ANN, status: "new", moment: momentOf(9) });
  const ask = async (query: string) => {
    const response = await fetch(`${service.url}/deadletters/${letter}/redrive${query}`, {
      method: "POST",
      headers: { authorization: "Bearer admin-token-0123456789", "content-type": "application/json" },
      body: JSON.stringify({ payload, author: "ann", reason: "the status has a name" }),
    });
    return { status: response.status, text: await response.text() };
  };
  const trial = await ask("?dryRun=true");
  assert.match(trial.text, '"projected"', trial.text);
  const { status, text } = await ask("");
  assert.is(status, 202, text);
  await until("it is projected", async () => {
    const { rows } = await database.query("select from notifications_changes where order_id = 7");
    return rows.length === 1;
  });
});

calls.run();

type Body = {
  messages?: { order_id: string; status: string }[];
  changes?: { sequence: number; status: string; arrival: string }[];
  next_page_token?: string;
  parameter?: string;
};

async function post(body: object, token = "testtoken"): Promise<{ status: number; body: Body }> {
  const response = await fetch(`${service.url}/notifications/list`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  return { status: response.status, body: (await response.json()) as Body };
}

async function get(path: string): Promise<{ status: number; body: Body }> {
  const response = await fetch(`${service.url}${path}`, { headers: { authorization: "Bearer testtoken" } });
  return { status: response.status, body: (await response.json()) as Body };
}

function textsOf({ messages = [] }: Body): string[] {
  return messages.map(({ order_id, status }) => `${order_id} ${status}`);
}

function momentOf(second: number): string {
  return new Date(Date.UTC(2026, 0, 1, 12, 0, second)).toISOString();
}
