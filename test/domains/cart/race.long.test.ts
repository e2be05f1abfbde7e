/** A thousand users have one of the last hundred pieces in their carts, and all check out at once at two processes of cart. */
import { Code, ConnectError } from "@connectrpc/connect";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { audit } from "../../../src/audit/audit.ts";
import { cart } from "../../../src/domains/cart/index.ts";
import { loms } from "../../../src/domains/loms/index.ts";
import { startCart, startLomsAndProduct } from "../../support/cart/processes.ts";
import { createDatabase } from "../../support/database.ts";
import { until } from "../../support/wait.ts";

const race = suite("race of checkouts");

race("of 1,000 checkouts of 1 from 100 pieces, exactly 100 await payment and 900 failed", async () => {
  await using lomsDatabase = await createDatabase();
  await using cartDatabase = await createDatabase();
  await using shop = await startLomsAndProduct(lomsDatabase.serviceUrl);
  await using first = await startCart(cartDatabase.serviceUrl, shop.grpcUrl);
  await using second = await startCart(cartDatabase.serviceUrl, shop.grpcUrl);
  const clientOf = (user: number) => (user % 2 === 0 ? first : second).client;
  const put = JSON.stringify({ id: "put", type: "stock.put", sku: SKU, total: 100, reserved: 0 });
  assert.is((await fetch(`${shop.url}/loms/commands`, { method: "POST", body: put })).status, 202);
  const available = () => shop.client.stockInfo({ sku: SKU }).then(({ count }) => count);
  await until("the stock is there", () =>
    available().then(
      (count) => count === 100n,
      () => false,
    ),
  );

  await Promise.all(USERS.map((user) => clientOf(user).itemAdd({ user: BigInt(user), sku: SKU, count: 1 })));
  assert.is(await available(), 100n, "a cart reserves nothing");
  const outcomes = await Promise.all(
    USERS.map(async (user) => {
      try {
        return (await clientOf(user).checkout({ user: BigInt(user) })).orderId;
      } catch (error) {
        return Code[ConnectError.from(error).code];
      }
    }),
  );

  const orders = outcomes.filter((outcome) => typeof outcome === "bigint");
  assert.is(new Set(orders).size, 100);
  assert.is(outcomes.filter((outcome) => outcome === "FailedPrecondition").length, 900);
  assert.is(await available(), 0n);
  const { rows: statuses } = await lomsDatabase.query(
    "select status, count(*)::integer as orders, count(distinct user_id)::integer as users from loms_orders group by status order by status",
  );
  assert.equal(statuses, [
    { status: "awaiting payment", orders: 100, users: 100 },
    { status: "failed", orders: 900, users: 900 },
  ]);
  const { rows: carts } = await cartDatabase.query("select user_id from cart_items order by user_id");
  assert.equal(
    carts.map(({ user_id: user }) => Number(user)),
    USERS.filter((_user, index) => typeof outcomes[index] !== "bigint"),
    "the carts of those whose order failed are full, and no others",
  );
  assert.ok((await audit(lomsDatabase, [loms], { isFull: true })).holds);
  assert.ok((await audit(cartDatabase, [cart], { isFull: true })).holds);
});

race.run();

const USERS = Array.from({ length: 1_000 }, (_none, index) => index + 1);
/** In the catalogue, and not among the first stocks. */
const SKU = 2_958_025;
