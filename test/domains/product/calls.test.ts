/** On a real server and database. */
import { Code, type ConnectError } from "@connectrpc/connect";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { ProductService } from "../../../src/proto/marketplace/product/v1/product_pb.ts";
import { clientOf } from "../../../tools/marketplace/clients.ts";
import { createDatabase, type TestDatabase } from "../../support/database.ts";
import { errorOf } from "../../support/error.ts";
import { startInProcess } from "../../support/service.ts";
import { until } from "../../support/wait.ts";

const calls = suite("calls to product");

async function start(database: TestDatabase, environment: Record<string, string> = {}) {
  const service = await startInProcess(database, {
    DOMAINS: "product",
    INGRESS_TOKEN: "testtoken",
    ...environment,
  });
  await until("the catalogue is there", async () => {
    const { rows } = await database.query("select count(*)::int as count from product_products");
    return rows[0].count === 60;
  });
  const client = clientOf(ProductService, `http://127.0.0.1:${service.grpcPort}`);
  return { ...service, client };
}
const codeOf = async (call: Promise<unknown>) => Code[((await errorOf(call)) as ConnectError).code];

calls("a product has a name and a price; an unknown one is NOT_FOUND", async () => {
  await using database = await createDatabase();
  await using service = await start(database);
  const { client } = service;
  const { name, price } = await client.getProduct({ sku: 773_297_411 });
  assert.equal([name, price], ["Sneakers", 2_202]);
  assert.is(await codeOf(client.getProduct({ sku: 1 })), "NotFound");
  assert.is(await codeOf(client.getProduct({ sku: 0 })), "InvalidArgument");
  const { skus } = await client.listSkus({ count: 2 });
  assert.equal(skus, [1_002, 1_003]);
  const next = await client.listSkus({ startAfterSku: 1_003, count: 1_000 });
  assert.equal([next.skus.length, next.skus[0]], [58, 1_004]);
  assert.is(await codeOf(client.listSkus({ count: 1_001 })), "InvalidArgument");
});

calls("the token is asked for, over gRPC and over HTTP", async () => {
  await using database = await createDatabase();
  await using service = await start(database);
  const stranger = clientOf(ProductService, `http://127.0.0.1:${service.grpcPort}`, "other");
  assert.is(await codeOf(stranger.getProduct({ sku: 1_002 })), "Unauthenticated");
  const get = async (path: string, token: string) => {
    const response = await fetch(`${service.url}${path}`, { headers: { authorization: `Bearer ${token}` } });
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  };
  assert.is((await get("/product/1076963", "other")).status, 401);
  assert.equal((await get("/product/1076963", "testtoken")).body, { name: "Book", price: 3_379 });
  assert.is((await get("/product/1", "testtoken")).status, 404);
  assert.equal((await get("/product?start_after_sku=1002&count=2", "testtoken")).body, {
    skus: [1_003, 1_004],
  });
});

calls("a command over HTTP changes what is answered", async () => {
  await using database = await createDatabase();
  await using service = await start(database);
  const response = await fetch(`${service.url}/product/commands`, {
    method: "POST",
    headers: { authorization: "Bearer testtoken" },
    body: JSON.stringify({ id: "sale", type: "product.put", sku: 1_076_963, name: "Book", price: 1_999 }),
  });
  assert.is(response.status, 202);
  await until("the price is the new one", async () => {
    return (await service.client.getProduct({ sku: 1_076_963 })).price === 1_999;
  });
});

calls(
  "more calls than the limit allows are refused with RESOURCE_EXHAUSTED, and the next second has new ones",
  async () => {
    await using database = await createDatabase();
    await using service = await start(database, { PRODUCT_CALLS_PER_SECOND: "5" });
    // The calls may span two seconds.
    const answers = await Promise.all(
      Array.from({ length: 60 }, () =>
        service.client.getProduct({ sku: 1_002 }).then(
          () => "OK",
          (error: ConnectError) => Code[error.code],
        ),
      ),
    );
    assert.ok(answers.filter((answer) => answer === "OK").length >= 5, answers.join());
    assert.ok(answers.includes("ResourceExhausted"), answers.join());
    assert.equal([...new Set(answers)].sort(), ["OK", "ResourceExhausted"]);
    const refused = await until("HTTP is refused as well", async () => {
      const headers = { authorization: "Bearer testtoken" };
      const response = await fetch(`${service.url}/product/1002`, { headers });
      return response.status === 429 && response;
    });
    assert.is(refused.headers.get("retry-after"), "1");
    await until("the next second has calls again", async () =>
      service.client.getProduct({ sku: 1_002 }).then(
        () => true,
        () => false,
      ),
    );
  },
);

calls.run();
