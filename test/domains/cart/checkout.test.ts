/** Checkouts, with the other services in this process: they end in one order, or in none and say why. */
import { Code, ConnectError } from "@connectrpc/connect";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { audit } from "../../../src/audit/audit.ts";
import { type DeclinedError, KeyReusedError, UpstreamError } from "../../../src/contract/errors.ts";
import { resumeSome } from "../../../src/domains/cart/checkout/resume.ts";
import { cart as module } from "../../../src/domains/cart/index.ts";
import { createLogger } from "../../../src/telemetry/logger.ts";
import { add, begin } from "../../support/cart/cart.ts";
import { cartMessage } from "../../support/cart/messages.ts";
import { CartService } from "../../support/cart/service.ts";
import { createDatabase } from "../../support/database.ts";
import { appendAll, projectAll } from "../../support/engine.ts";
import { errorOf } from "../../support/error.ts";
import { until } from "../../support/wait.ts";

const checkouts = suite("Checkout");
/** Its work in the background leaves the checkouts to the tests. */
const service = await CartService.start({ CART_RESUME_SECONDS: "3600" });

checkouts("it orders what the cart holds, and leaves nothing", async () => {
  const cart = service.newUser();
  await cart.add(1003, 1);
  await cart.add(1002, 2);
  assert.is(await cart.checkout({ key: "k" }), 1n);
  assert.equal(cart.upstreams.orders.get(cart.keyOf("k")), {
    orderId: 1n,
    user: cart.user,
    items: ["1002: 2", "1003: 1"],
  });
  assert.equal(await cart.held(), []);
  assert.equal(await cart.checkouts(), ["k done 1"]);
});

checkouts("an empty cart is declined, and no order is asked for", async () => {
  const cart = service.newUser();
  const error = (await errorOf(cart.checkout())) as DeclinedError;
  assert.is(error.reason, "empty_cart");
  assert.equal(cart.upstreams.orderCalls, []);
});

checkouts("what is added while the order is made stays in the cart", async () => {
  const cart = service.newUser();
  await cart.add(1002, 2);
  cart.upstreams.afterOrder = async () => {
    await cart.add(1002, 1);
    await cart.add(1003, 4);
  };
  assert.is(await cart.checkout(), 1n);
  assert.equal(await cart.held(), ["1002: 1", "1003: 4"]);
});

checkouts("two at once get one order", async () => {
  const cart = service.newUser();
  await cart.add(1002, 2);
  const { promise: released, resolve: release } = Promise.withResolvers<void>();
  cart.upstreams.beforeOrder = () => released;
  const orders = Promise.all([cart.checkout({ key: "k" }), cart.checkout({ key: "l" }), cart.checkout()]);
  await until("all of them have asked for the order", () => cart.upstreams.orderCalls.length === 3);
  release();
  assert.equal(await orders, [1n, 1n, 1n]);
  assert.is(cart.upstreams.orders.size, 1);
  assert.is(new Set(cart.upstreams.orderCalls).size, 1);
  assert.is((await cart.checkouts()).length, 1);
});

checkouts("the same key gets the same order at any later time", async () => {
  const cart = service.newUser();
  await cart.add(1002, 2);
  assert.is(await cart.checkout({ key: "k" }), 1n);
  await cart.add(1002, 1);
  assert.is(await cart.checkout({ key: "k" }), 1n);
  assert.equal(await cart.held(), ["1002: 1"]);
  assert.is(await cart.checkout({ key: "l" }), 2n);
  assert.instance(await errorOf(cart.clear({ key: "l" })), KeyReusedError);
});

checkouts("what loms refuses, the caller hears; the items stay, and can be checked out again", async () => {
  const cart = service.newUser();
  await cart.add(1002, 2);
  cart.upstreams.stock.set(1002, 1n);
  for (let times = 0; times < 2; times++) {
    const error = (await errorOf(cart.checkout({ key: "k" }))) as UpstreamError;
    assert.instance(error, UpstreamError);
    assert.equal([error.status, error.message], ["FAILED_PRECONDITION", "too little stock"]);
  }
  assert.is(cart.upstreams.orderCalls.length, 1);
  assert.equal(await cart.held(), ["1002: 2"]);
  assert.equal(await cart.checkouts(), ["k failed"]);
  cart.upstreams.stock.set(1002, 2n);
  assert.is(await cart.checkout({ key: "l" }), 1n);
  assert.equal(await cart.held(), []);
});

for (const code of [
  Code.Unavailable,
  Code.DeadlineExceeded,
  Code.Internal,
  Code.Unauthenticated,
  Code.Unknown,
]) {
  checkouts(`${Code[code]} leaves it open, and the next call goes on with it`, async () => {
    const cart = service.newUser();
    await cart.add(1002, 2);
    cart.upstreams.beforeOrder = async () => {
      throw new ConnectError("no answer", code);
    };
    await errorOf(cart.checkout({ key: "k" }));
    assert.equal(await cart.checkouts(), ["k open"]);
    cart.upstreams.beforeOrder = async () => {};
    assert.is(await cart.checkout({ key: "another" }), 1n);
    assert.equal(await cart.checkouts(), ["k done 1"]);
    assert.equal([...cart.upstreams.orders.keys()], [cart.keyOf("k")]);
  });
}

checkouts("an order whose answer was lost is found again by its key", async () => {
  const cart = service.newUser();
  await cart.add(1002, 2);
  cart.upstreams.afterOrder = async () => {
    throw new ConnectError("the answer is lost", Code.Unavailable);
  };
  await errorOf(cart.checkout({ key: "k" }));
  cart.upstreams.afterOrder = async () => {};
  assert.is(await cart.checkout({ key: "k" }), 1n);
  assert.is(cart.upstreams.orders.size, 1);
});

checkouts("a caller who hangs up leaves it to the background, which finishes it", async () => {
  await using impatient = await CartService.start({ CART_RESUME_SECONDS: "1" });
  const cart = impatient.newUser();
  await cart.add(1002, 2);
  const caller = new AbortController();
  cart.upstreams.beforeOrder = async () => {
    caller.abort(new Error("hung up"));
    cart.upstreams.beforeOrder = async () => {};
    throw new ConnectError("hung up", Code.Canceled);
  };
  await errorOf(cart.checkout({ key: "k", signal: caller.signal }));
  await until("the background has finished it", async () => (await cart.checkouts())[0] === "k done 1");
  assert.equal(await cart.held(), []);
  const metrics = await (await fetch(`${impatient.url}/metrics`)).text();
  assert.match(metrics, /waybill_cart_resumed_checkouts_total\{[^}]*result="ended"[^}]*\} 1\n/);
});

checkouts(
  "one that cannot be finished ends a round, and keeps no other waiting in the next one",
  async () => {
    await using database = await createDatabase();
    const users = ["1", "2", "3"];
    const commands = users.flatMap((user) => [
      { id: `add-${user}`, ...add(1002, 1, 9, user) },
      begin(`c${user}`, user),
    ]);
    await appendAll(database, commands.map(cartMessage), module);
    await projectAll(database, module);
    const tried: string[] = [];
    const options = {
      context: { database, logger: createLogger("silent") },
      checkouts: {
        finish: async (id: string) => {
          tried.push(id);
          throw new Error("not yet");
        },
      },
      resumeSeconds: 0,
      onResumed: () => {},
    };
    const signal = new AbortController().signal;
    let after = 0n;
    for (let rounds = 0; rounds < 5; rounds++) after = await resumeSome(options, after, signal);
    // The fourth round finds none behind the last one, and the fifth begins again.
    assert.equal(tried, ["c1", "c2", "c3", "c1"]);
    await resumeSome({ ...options, resumeSeconds: 3_600 }, 0n, signal);
    assert.is(tried.length, 4, "a checkout that began just now is its caller's");
    await resumeSome(options, 0n, AbortSignal.abort());
    assert.is(tried.length, 4);
  },
);

checkouts("after all of it the proof holds", async () => {
  assert.ok((await audit(service.database, [module], { isFull: true })).holds);
});

checkouts.after(() => service[Symbol.asyncDispose]());
checkouts.run();
