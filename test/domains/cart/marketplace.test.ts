/** Cart with the real product and loms, all of them in one process that calls itself over gRPC. */
import { Code, ConnectError } from "@connectrpc/connect";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { audit } from "../../../src/audit/audit.ts";
import { cart } from "../../../src/domains/cart/index.ts";
import { loms } from "../../../src/domains/loms/index.ts";
import { product } from "../../../src/domains/product/index.ts";
import { freePort } from "../../../tools/stack/ports.ts";
import { openCartClient } from "../../support/cart/client.ts";
import { createDatabase } from "../../support/database.ts";
import { startInProcess } from "../../support/service.ts";
import { until } from "../../support/wait.ts";

const marketplace = suite("cart with product and loms");
const DOMAINS = [cart, loms, product];
const started = new AsyncDisposableStack();
const database = started.use(await createDatabase());
const grpcPort = await freePort();
const url = `http://127.0.0.1:${grpcPort}`;
const environment = {
  DOMAINS: DOMAINS.map(({ name }) => name).join(),
  GRPC_PORT: String(grpcPort),
  CART_PRODUCT_URL: url,
  CART_LOMS_URL: url,
};
started.use(await startInProcess(database, environment, DOMAINS));
const client = started.use(openCartClient(grpcPort));
const [ANN, BEN] = [31_337n, 2n];
const SNEAKERS = 773_297_411;
const BOOK = 1_076_963;

marketplace.before(async () => {
  const add = () => client.itemAdd({ user: ANN, sku: SNEAKERS, count: 2 });
  await until("the catalogue and the stock are there", () =>
    add().then(
      () => true,
      () => false,
    ),
  );
});

marketplace("a cart becomes an order, and its pieces are reserved", async () => {
  await client.itemAdd({ user: ANN, sku: BOOK, count: 1 });
  const { items, totalPrice } = await client.list({ user: ANN });
  assert.equal(
    items.map(({ sku, count, price }) => [sku, count, price]),
    [
      [BOOK, 1, 3379],
      [SNEAKERS, 2, 2202],
    ],
  );
  assert.is(totalPrice, 7783n);
  const { orderId } = await client.checkout({ user: ANN });
  assert.equal(await orderOf(orderId), ["awaiting payment", `${BOOK}: 1`, `${SNEAKERS}: 2`]);
  assert.is((await failureOf(client.list({ user: ANN }))).code, Code.NotFound);
});

marketplace(
  "two who want the last pieces: the later one hears why there is no order, and keeps the cart",
  async () => {
    for (const user of [ANN, BEN]) await client.itemAdd({ user, sku: BOOK, count: 100 });
    await client.checkout({ user: ANN });
    const { code, message } = await failureOf(client.checkout({ user: BEN }));
    assert.is(code, Code.FailedPrecondition, message);
    assert.is((await client.list({ user: BEN })).items[0]?.count, 100);
    assert.is(
      (await failureOf(client.itemAdd({ user: BEN, sku: BOOK, count: 1 }))).code,
      Code.FailedPrecondition,
    );
  },
);

marketplace("a product that is not there, and one that nobody has in stock, are not added", async () => {
  for (const sku of [7, 2_958_025]) {
    const { code } = await failureOf(client.itemAdd({ user: ANN, sku, count: 1 }));
    assert.is(code, Code.FailedPrecondition, String(sku));
  }
});

marketplace("the proofs of all three hold", async () => {
  assert.ok((await audit(database, DOMAINS, { isFull: true })).holds);
});

marketplace.after(() => started[Symbol.asyncDispose]());
marketplace.run();

/** Status and items. */
async function orderOf(id: bigint): Promise<string[]> {
  const { rows } = await database.query(
    `select status, (select array_agg(sku || ': ' || count order by sku) from loms_items where order_id = id) as items
     from loms_orders where id = $1`,
    [String(id)],
  );
  return [rows[0].status, ...rows[0].items];
}

async function failureOf(call: Promise<unknown>): Promise<ConnectError> {
  return call.then(
    () => assert.unreachable("a refusal was expected") as never,
    (error: unknown) => ConnectError.from(error),
  );
}
