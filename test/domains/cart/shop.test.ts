/** The calls of the shop page: what they ask of other services, and who may ask them. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { cart } from "../../../src/domains/cart/index.ts";
import { UpstreamServer } from "../../support/cart/upstream-server.ts";
import { createDatabase } from "../../support/database.ts";
import { startInProcess } from "../../support/service.ts";

const shop = suite("calls of the shop page");
const TOKEN = "token-of-the-callers";
const started = new AsyncDisposableStack();
const database = started.use(await createDatabase());
const server = started.use(await UpstreamServer.start());
const service = started.use(
  await startInProcess(
    database,
    { DOMAINS: "cart", GRPC_PORT: "0", INGRESS_TOKEN: TOKEN, ...server.environment },
    [cart],
  ),
);
const AUTHORIZATION = { authorization: `Bearer ${TOKEN}` };

// biome-ignore lint/suspicious/noExplicitAny: what a test reads from an answer is what it tests.
type Body = any;

async function ask(path: string, body?: object, headers: Record<string, string> = AUTHORIZATION) {
  const response = await fetch(`${service.url}${path}`, {
    headers: { ...(body ? { "content-type": "application/json" } : {}), ...headers },
    ...(body ? { method: "POST", body: JSON.stringify(body) } : {}),
  });
  return [response.status, (await response.json()) as Body] as const;
}

shop("products come a page at a time, with their stock; without stock there are 0 pieces", async () => {
  const [status, first] = await ask("/shop/products?count=2");
  assert.is(status, 200);
  assert.equal(first, {
    products: [
      { sku: 1002, name: "two", price: 200, available: "100" },
      { sku: 1003, name: "three", price: 300, available: "100" },
    ],
    next_start_after_sku: 1003,
  });
  const [, second] = await ask(`/shop/products?count=2&start_after_sku=${first.next_start_after_sku}`);
  assert.equal(second, {
    products: [{ sku: 1004, name: "four", price: 400, available: "0" }],
    next_start_after_sku: 0,
  });
});

shop("pay and cancel pass the caller's key and token on, and the refusal back", async () => {
  const { upstreams } = server;
  upstreams.tokens.clear();
  for (const verb of ["pay", "cancel"]) {
    const key = { "idempotency-key": `key-of-${verb}` };
    assert.equal(await ask(`/shop/orders/7/${verb}`, {}, { ...AUTHORIZATION, ...key }), [200, {}]);
    const [status, problem] = await ask(`/shop/orders/8/${verb}`, {});
    assert.equal([status, problem.code, problem.detail], [412, "FAILED_PRECONDITION", "wrong status"]);
  }
  assert.equal(upstreams.changes.slice(0, 1), ["pay 7 key-of-pay"]);
  assert.ok(upstreams.changes.includes("cancel 7 key-of-cancel"));
  assert.equal([...upstreams.tokens], [`Bearer ${TOKEN}`]);
  assert.is((await ask("/shop/orders/7/pay", {}, { ...AUTHORIZATION, "idempotency-key": "ä b" }))[0], 400);
});

shop("without a notifications service the page is told so", async () => {
  const [status, { reason, detail }] = await ask("/shop/notifications", { user: "1" });
  assert.equal([status, reason, detail], [412, "no_notifications", "The shop has no notifications service"]);
});

shop("a service that is away is 503, and the others are still asked", async () => {
  server.close();
  const [status, problem] = await ask("/shop/orders/7");
  assert.equal([status, problem.code], [503, "UNAVAILABLE"]);
  assert.is((await ask("/cart/list", { user: "1" }))[0], 404);
  await server.listen();
});

shop("no page of another site can read or change anything, with or without a token", async () => {
  for (const [path, body] of [
    ["/shop/products", undefined],
    ["/shop/orders/7", undefined],
    ["/shop/orders/7/pay", {}],
    ["/shop/notifications", { user: "1" }],
  ] as const) {
    assert.is((await ask(path, body, {}))[0], 401, path);
    const foreign = { "sec-fetch-site": "cross-site", origin: "https://elsewhere.example" };
    assert.is((await ask(path, body, { ...AUTHORIZATION, ...foreign }))[0], 403, path);
  }
});

shop.after(() => started[Symbol.asyncDispose]());
shop.run();
