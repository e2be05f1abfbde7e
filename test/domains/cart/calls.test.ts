/** The cart over gRPC and HTTP, with other services on real servers that refuse, are slow or do not answer. */
import { execFile } from "node:child_process";
import { Code, ConnectError } from "@connectrpc/connect";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { cart } from "../../../src/domains/cart/index.ts";
import { freePort } from "../../../tools/stack/ports.ts";
import { openCartClient } from "../../support/cart/client.ts";
import { UpstreamServer } from "../../support/cart/upstream-server.ts";
import { createDatabase } from "../../support/database.ts";
import { startInProcess } from "../../support/service.ts";
import { until } from "../../support/wait.ts";

const calls = suite("calls of cart");
const TOKEN = "token-of-the-callers";
const started = new AsyncDisposableStack();
const database = started.use(await createDatabase());
const server = started.use(await UpstreamServer.start());
const { upstreams } = server;
const grpcPort = await freePort();
const service = started.use(
  await startInProcess(
    database,
    {
      DOMAINS: "cart",
      GRPC_PORT: String(grpcPort),
      INGRESS_TOKEN: TOKEN,
      CART_TOKEN: "token-of-the-background",
      CART_RESUME_SECONDS: "1",
      ...server.environment,
    },
    [cart],
  ),
);
const client = started.use(openCartClient(grpcPort));
const AS_CALLER = { headers: { authorization: `Bearer ${TOKEN}` } };
let users = 1n;
const newUser = () => users++;

calls("buf curl speaks gRPC with it", async () => {
  const user = Number(newUser());
  assert.equal(await curl("ItemAdd", { user, sku: 1003, count: 1 }), {});
  assert.equal(await curl("ItemAdd", { user, sku: 1002, count: 2 }), {});
  assert.equal(await curl("List", { user }), {
    items: [
      { sku: 1002, count: 2, name: "two", price: 200 },
      { sku: 1003, count: 1, name: "three", price: 300 },
    ],
    totalPrice: "700",
  });
  assert.equal(await curl("ItemDelete", { user, sku: 1003 }), {});
  const { orderId } = await curl("Checkout", { user });
  assert.ok([...upstreams.orders.values()].some((order) => String(order.orderId) === orderId));
  assert.is((await curl("List", { user })).code, "not_found");
  assert.equal(await curl("Clear", { user }), {});
  assert.is((await curl("Checkout", { user })).code, "failed_precondition");
  assert.is((await curl("ItemAdd", { user, sku: 1002, count: 0 })).code, "invalid_argument");
});

calls("the same over HTTP, with problems that say what is wrong", async () => {
  const user = String(newUser());
  assert.equal(await post("/cart/item/add", { user, sku: 1002, count: 2 }), [200, {}]);
  const [status, body] = await post("/cart/list", { user });
  assert.is(status, 200);
  assert.is(body.total_price, "400");
  const [, order] = await post("/cart/checkout", { user });
  assert.match(order.order_id, /^\d+$/);
  assert.is((await post("/cart/list", { user }))[0], 404);
  const [declined, problem] = await post("/cart/checkout", { user });
  assert.equal([declined, problem.reason], [412, "empty_cart"]);
  assert.is((await post("/cart/item/add", { user, sku: 7, count: 1 }))[1].reason, "unknown_sku");
  assert.is((await post("/cart/item/add", { user, sku: 1002, count: 999 }))[1].reason, "insufficient_stock");
  assert.is((await post("/cart/item/add", { user, sku: 1002, count: 70_000 }))[0], 400);
  assert.is((await post("/cart/clear", { user }, {}))[0], 401);
});

calls("the caller's token goes on to product and loms", async () => {
  upstreams.tokens.clear();
  const user = newUser();
  await client.itemAdd({ user, sku: 1002, count: 1 }, AS_CALLER);
  await client.checkout({ user }, AS_CALLER);
  assert.equal([...upstreams.tokens], [`Bearer ${TOKEN}`]);
});

calls("product that is too busy once is asked again; one that stays busy is told to the caller", async () => {
  const user = newUser();
  let refusals = 1;
  upstreams.whileProduct = async () => {
    if (refusals-- > 0) throw new ConnectError("too many calls", Code.ResourceExhausted);
  };
  await client.itemAdd({ user, sku: 1002, count: 1 }, AS_CALLER);
  refusals = 1_000;
  assert.is(await codeOf(client.list({ user }, AS_CALLER)), Code.ResourceExhausted);
  upstreams.whileProduct = async () => {};
});

calls(
  "product that is slow costs no more than the caller's deadline, and is told that it is over",
  async () => {
    const user = newUser();
    let aborted = 0;
    upstreams.whileProduct = (_sku, signal) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener("abort", () => {
          aborted += 1;
          reject(signal.reason);
        });
      });
    const late = client.itemAdd({ user, sku: 1002, count: 1 }, { ...AS_CALLER, timeoutMs: 300 });
    assert.is(await codeOf(late), Code.DeadlineExceeded);
    await until("product has heard of it", () => aborted > 0);
    upstreams.whileProduct = async () => {};
    const before = upstreams.productCalls.length;
    const headers = { ...AS_CALLER.headers, "grpc-timeout": "1n" };
    const expired = client.itemAdd({ user, sku: 1002, count: 1 }, { headers });
    assert.is(await codeOf(expired), Code.DeadlineExceeded);
    assert.is(upstreams.productCalls.length, before, "an expired deadline begins nothing");
  },
);

calls("while loms is away a checkout is open; the background finishes it with its own token", async () => {
  const user = newUser();
  await client.itemAdd({ user, sku: 1002, count: 1 }, AS_CALLER);
  server.close();
  const key = { "idempotency-key": "while-loms-is-away" };
  const call = client.checkout({ user }, { headers: { ...AS_CALLER.headers, ...key } });
  assert.is(await codeOf(call), Code.Unavailable);
  upstreams.tokens.clear();
  await server.listen();
  await until("it has ended", async () => {
    const { rows } = await database.query("select state from cart_checkouts where id = 'while-loms-is-away'");
    return rows[0].state === "done";
  });
  assert.equal([...upstreams.tokens], ["Bearer token-of-the-background"]);
});

calls.after(() => started[Symbol.asyncDispose]());
calls.run();

// biome-ignore lint/suspicious/noExplicitAny: what a test reads from an answer is what it tests.
type Body = any;

async function curl(method: string, body: object): Promise<Body> {
  const address = `http://127.0.0.1:${grpcPort}/marketplace.cart.v1.CartService/${method}`;
  const { promise: answer, resolve } = Promise.withResolvers<string>();
  execFile(
    "buf",
    [
      ...["curl", "--schema", ".", "--protocol", "grpc", "--http2-prior-knowledge", "--emit-defaults"],
      ...["-H", `authorization: Bearer ${TOKEN}`, "-d", JSON.stringify(body), address],
    ],
    { cwd: new URL("../../../proto", import.meta.url) },
    (_error, stdout, stderr) => resolve(stdout || stderr),
  );
  return JSON.parse(await answer);
}

async function post(path: string, body: object, headers: Record<string, string> = AS_CALLER.headers) {
  const response = await fetch(`${service.url}${path}`, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify(body),
  });
  return [response.status, (await response.json()) as Body] as const;
}

async function codeOf(call: Promise<unknown>): Promise<Code | undefined> {
  return call.then(
    () => undefined,
    (error: unknown) => ConnectError.from(error).code,
  );
}
