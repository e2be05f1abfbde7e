/** Loms over gRPC and HTTP: a server on a database of its own, a client that is not ours, and the gateway. */
import { ConnectError } from "@connectrpc/connect";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { audit } from "../../../src/audit/audit.ts";
import { INT64_MAX } from "../../../src/contract/values/integers.ts";
import { loms } from "../../../src/domains/loms/index.ts";
import { LomsService } from "../../../src/proto/marketplace/loms/v1/loms_pb.ts";
import { clientOf } from "../../../tools/marketplace/clients.ts";
import { createDatabase } from "../../support/database.ts";
import { bufCurl } from "../../support/echo/echo.ts";
import { startLoms } from "../../support/loms/service.ts";
import { until } from "../../support/wait.ts";

const TOKEN = "testtoken";
const calls = suite("calls to loms");
const database = await createDatabase();
const service = await startLoms(database, {
  INGRESS_TOKEN: TOKEN,
  ADMIN_TOKEN: "admin-token-0123456789",
});
calls.after(async () => {
  await service[Symbol.asyncDispose]();
  await database[Symbol.asyncDispose]();
});

/** A call over gRPC as any client makes it. @returns the answer, or the name of the status. */
async function call(method: string, data: object, ...headers: readonly string[]): Promise<unknown> {
  const options = [`authorization: Bearer ${TOKEN}`, ...headers].flatMap((header) => ["-H", header]);
  const url = `http://127.0.0.1:${service.grpcPort}`;
  const { status, stdout, stderr } = await bufCurl(
    url,
    `marketplace.loms.v1.LomsService/${method}`,
    data,
    ...options,
  );
  return status === 0 ? JSON.parse(stdout || "{}") : JSON.parse(stderr).code;
}

// biome-ignore lint/suspicious/noExplicitAny: what a test reads from an answer is what it tests.
type Answer = { status: number; body: any };

async function post(path: string, body: object, headers: Record<string, string> = {}): Promise<Answer> {
  const response = await fetch(`${service.url}${path}`, {
    method: "POST",
    headers: { authorization: `Bearer ${TOKEN}`, "content-type": "application/json", ...headers },
    body: JSON.stringify(body),
  });
  return { status: response.status, body: await response.json() };
}

calls("a client of gRPC orders, looks, pays and cancels", async () => {
  const items = [
    { sku: 1003, count: 2 },
    { sku: 1002, count: 65_535 },
    { sku: 1003, count: 1 },
  ];
  assert.equal(await call("StockInfo", { sku: 1003 }), { count: "220" });
  assert.is(await call("OrderCreate", { user: "31337", items }), "failed_precondition");
  assert.equal(await call("OrderInfo", { orderId: "1" }), {
    status: "failed",
    user: "31337",
    items: [
      { sku: 1002, count: 65_535 },
      { sku: 1003, count: 3 },
    ],
  });
  const [one = {}, , two = {}] = items;
  assert.equal(await call("OrderCreate", { user: 31337, items: [one, two] }, "idempotency-key: mine"), {
    orderId: "2",
  });
  assert.equal(await call("OrderCreate", { user: 31337, items: [one, two] }, "idempotency-key: mine"), {
    orderId: "2",
  });
  assert.is(
    await call("OrderCreate", { user: 31337, items: [one] }, "idempotency-key: mine"),
    "already_exists",
  );
  assert.equal(await call("OrderPay", { orderId: 2 }), {});
  assert.equal(await call("OrderPay", { orderId: 2 }), {});
  assert.is(await call("OrderCancel", { orderId: 2 }), "failed_precondition");
  assert.equal(await call("StockInfo", { sku: 1003 }), { count: "217" });
  const { changes } = (await call("OrderHistory", { orderId: 2 })) as { changes: { status: string }[] };
  assert.equal(
    changes.map(({ status }) => status),
    ["new", "awaiting payment", "payed"],
  );
});

calls("HTTP and JSON say the same, with 64 bits in strings or as numbers", async () => {
  const created = await post("/order/create", { user: 31337, items: [{ sku: 1004, count: 5 }] });
  assert.is(created.status, 200);
  const { order_id } = created.body;
  assert.type(order_id, "string");
  assert.equal((await post("/order/info", { order_id })).body, {
    status: "awaiting payment",
    user: "31337",
    items: [{ sku: 1004, count: 5 }],
  });
  assert.equal((await post("/stock/info", { sku: 1004 })).body, { count: "255" });
  for (let twice = 0; twice < 2; twice++)
    assert.equal(await post("/order/cancel", { order_id: Number(order_id) }), { status: 200, body: {} });
  assert.equal((await post("/stock/info", { sku: 1004 })).body, { count: "260" });
  const declined = await post("/order/pay", { order_id });
  assert.is(declined.status, 412);
  assert.is(declined.body.reason, "wrong_status");
  assert.is((await post("/order/history", { order_id })).body.changes.length, 3);
});

calls("an order that fails is 412 with its id and the reason, and stays", async () => {
  const before = (await post("/stock/info", { sku: 1005 })).body;
  const items = [
    { sku: 1005, count: 1 },
    { sku: 139818428, count: 1 },
  ];
  const { status, body } = await post("/order/create", { user: "1", items });
  assert.is(status, 412);
  assert.is(body.reason, "insufficient_stock");
  assert.is((await post("/order/info", { order_id: body.metadata.order_id })).body.status, "failed");
  assert.equal((await post("/stock/info", { sku: 1005 })).body, before);
  assert.equal((await post("/stock/info", { sku: 139818428 })).body, { count: "0" });
});

calls("what is not there is 404 and NOT_FOUND, what breaks a rule 400 and INVALID_ARGUMENT", async () => {
  assert.is(await call("OrderInfo", { orderId: "9223372036854775807" }), "not_found");
  assert.is(await call("StockInfo", { sku: 5 }), "not_found");
  assert.is(await call("OrderPay", { orderId: 0 }), "invalid_argument");
  for (const path of ["/order/info", "/order/history", "/order/pay", "/order/cancel"])
    assert.is((await post(path, { order_id: "9223372036854775807" })).status, 404, path);
  const wrong = await post("/order/create", { user: 0, items: [{ sku: 1002, count: 65_536 }] });
  assert.is(wrong.status, 400);
  assert.match(JSON.stringify(wrong.body), "items[0].count");
  assert.is((await post("/order/create", { user: 1, items: [] })).status, 400);
});

calls("the token is asked for", async () => {
  const answer = await post("/stock/info", { sku: 1002 }, { authorization: "Bearer other" });
  assert.is(answer.status, 401);
  assert.is((await fetch(`${service.url}/loms/commands/stock-1002`)).status, 401);
});

calls("an operator puts a stock as a message, and sees what became of it", async () => {
  const command = { id: "delivery", type: "stock.put", sku: 77, total: 5, reserved: 1 };
  assert.is((await post("/loms/commands", command)).status, 202);
  await until("it can be ordered", async () => (await post("/stock/info", { sku: 77 })).body.count === "4");
  const show = async (id: string) => {
    const headers = { authorization: `Bearer ${TOKEN}` };
    const response = await fetch(`${service.url}/loms/commands/${id}`, { headers });
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  };
  const { status, body } = await show("delivery");
  assert.equal([status, body.type, body.status], [200, "stock.put", "succeeded"]);
  assert.equal((await show("mine")).body.items, [{ sku: 1003, count: 3 }]);
  assert.is((await show("none")).status, 404);
  assert.is((await show("%00")).status, 400);
});

calls("the metrics and the proof agree with what was done", async () => {
  const text = await (await fetch(`${service.url}/metrics`)).text();
  const metric = (name: string, label = "") => {
    const line = text
      .split("\n")
      .find((one) => one.startsWith(`waybill_loms_${name}{`) && one.includes(label));
    return Number(line?.split(" ").at(-1));
  };
  assert.is(metric("changes_total", 'status="payed"'), 1);
  assert.is(metric("changes_total", 'status="failed"'), 2);
  assert.is(metric("declines_total", 'reason="insufficient_stock"'), 2);
  assert.is(metric("expired_orders_total"), 0);
  // As a whole number: a duration can contain these digits.
  assert.not.match(text, /(?<![\d.])31337(?![\d.])/);
  const { holds, domains } = await audit(database, [loms], { isFull: true });
  assert.ok(
    holds,
    JSON.stringify(domains.loms, (_name, value) => value?.toString()),
  );
});

calls("the widest order is taken, and a request above 128 KiB is refused with that limit", async () => {
  const client = clientOf(LomsService, `http://127.0.0.1:${service.grpcPort}`, TOKEN);
  const send = async (items: { sku: number; count: number }[]) => {
    const failure = ConnectError.from(await client.orderCreate({ user: INT64_MAX, items }).catch(String));
    const response = await fetch(`${service.url}/order/create`, {
      method: "POST",
      headers: { authorization: `Bearer ${TOKEN}` },
      body: JSON.stringify({ user: String(INT64_MAX), items }, undefined, 4),
    });
    return [failure.message, await response.text()] as const;
  };
  const itemsOf = (length: number) =>
    Array.from({ length }, (_none, index) => ({ sku: 2 ** 32 - 1 - index, count: 65_535 }));
  for (const answer of await send(itemsOf(1_000))) assert.match(answer, "not known");
  const [overGrpc, overHttp] = await send(itemsOf(12_000));
  assert.match(overGrpc, /resource_exhausted.*131072/);
  assert.match(overHttp, /"status":413.*131072/);
});

calls.run();
