/** What the calls of the cart answer, with the other services in this process. */

import { Code, ConnectError } from "@connectrpc/connect";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import {
  DeclinedError,
  KeyReusedError,
  NotFoundError,
  type UpstreamError,
} from "../../../src/contract/errors.ts";
import { CartService } from "../../support/cart/service.ts";
import { errorOf } from "../../support/error.ts";
import { until } from "../../support/wait.ts";

const service = await CartService.start();

const adding = suite("ItemAdd");

adding("what is added is in the cart, by SKU, with names, prices and the total", async () => {
  const cart = service.newUser();
  await cart.add(1003, 1);
  await cart.add(1002, 2);
  await cart.add(1003, 2);
  assert.equal(await cart.list(), { items: ["1002: 2 two at 200", "1003: 3 three at 300"], total: 1_300n });
});

adding("a product that is not there is declined, and nothing is stored", async () => {
  const cart = service.newUser();
  assert.is(await reasonOf(cart.add(7, 1)), "unknown_sku");
  assert.is(await cart.commands(), 0);
});

adding("too little stock is declined; what nobody has in stock too", async () => {
  const cart = service.newUser();
  assert.is(await reasonOf(cart.add(1002, 101)), "insufficient_stock");
  assert.is(await reasonOf(cart.add(1004, 1)), "insufficient_stock");
  await cart.add(1002, 100);
  assert.is(await reasonOf(cart.add(1002, 1)), "insufficient_stock");
  assert.equal(await cart.held(), ["1002: 100"]);
});

adding("of two at once that want the same last pieces, one is declined", async () => {
  const cart = service.newUser();
  const added = await Promise.allSettled([cart.add(1002, 60), cart.add(1002, 60)]);
  assert.equal(added.map(({ status }) => status).sort(), ["fulfilled", "rejected"]);
  assert.equal(await cart.held(), ["1002: 60"]);
});

adding("the same key adds once, even if the stock is another one by then", async () => {
  const cart = service.newUser();
  await cart.add(1002, 2, { key: "k" });
  cart.upstreams.stock.set(1002, 50n);
  await cart.add(1002, 2, { key: "k" });
  assert.equal(await cart.held(), ["1002: 2"]);
  assert.instance(await errorOf(cart.add(1002, 3, { key: "k" })), KeyReusedError);
  assert.instance(await errorOf(cart.clear({ key: "k" })), KeyReusedError);
  assert.equal(await cart.held(), ["1002: 2"]);
});

adding("a decline under a key stays a decline", async () => {
  const cart = service.newUser();
  assert.is(await reasonOf(cart.add(1002, 101, { key: "k" })), "insufficient_stock");
  cart.upstreams.stock.set(1002, 1_000n);
  assert.is(await reasonOf(cart.add(1002, 101, { key: "k" })), "insufficient_stock");
});

adding("what product and loms refuse, the caller hears", async () => {
  const cart = service.newUser();
  cart.upstreams.whileProduct = async () => {
    throw new ConnectError("too many calls", Code.ResourceExhausted);
  };
  const error = (await errorOf(cart.add(1002, 1))) as UpstreamError;
  assert.is(error.status, "RESOURCE_EXHAUSTED");
  assert.equal(await cart.held(), []);
});

adding("an expired deadline begins nothing", async () => {
  const cart = service.newUser();
  const late = { signal: AbortSignal.abort(new Error("too late")) };
  const calls = [cart.add(1002, 1, late), cart.drop(1002, late), cart.clear(late), cart.checkout(late)];
  for (const call of calls) assert.is((await errorOf(call)).message, "too late");
  assert.equal(cart.upstreams.productCalls, []);
  assert.is(await cart.commands(), 0);
});

adding.run();

const listing = suite("List, ItemDelete and Clear");

listing("an empty cart is not found; deleting from it and clearing it is no error", async () => {
  const cart = service.newUser();
  assert.instance(await errorOf(cart.list()), NotFoundError);
  await cart.drop(1002);
  await cart.clear();
  await cart.add(1002, 1);
  await cart.add(1003, 1);
  await cart.drop(1002);
  assert.equal(await cart.held(), ["1003: 1"]);
  await cart.clear();
  assert.instance(await errorOf(cart.list()), NotFoundError);
});

listing("never more than five products are asked for at once, and their order is kept", async () => {
  const cart = service.newUser();
  const skus = Array.from({ length: 17 }, (_none, index) => 2_000 + index);
  for (const sku of skus) {
    cart.upstreams.products.set(sku, { name: `n${sku}`, price: 1 });
    cart.upstreams.stock.set(sku, 9n);
  }
  await Promise.all(skus.map((sku) => cart.add(sku, 1)));
  cart.upstreams.atOnceMax = 0;
  const calls = cart.upstreams.productCalls.length;
  // The later one was asked for, the earlier it answers.
  const waiting: (() => void)[] = [];
  cart.upstreams.whileProduct = () => new Promise<void>((resolve) => waiting.push(resolve));
  const listed = cart.list();
  await until("all are answered", async () => {
    waiting.pop()?.();
    return cart.upstreams.productCalls.length - calls === 17 && waiting.length === 0;
  });
  const expected = skus.map((sku) => `${sku}: 1 n${sku} at 1`);
  assert.equal(await listed, { items: expected, total: 17n });
  assert.is(cart.upstreams.atOnceMax, 5);
});

listing("the first error ends the other questions", async () => {
  const cart = service.newUser();
  await cart.add(1002, 1);
  await cart.add(1003, 1);
  const aborted: number[] = [];
  cart.upstreams.whileProduct = (sku, signal) => {
    if (sku === 1003) throw new ConnectError("away", Code.DataLoss);
    return new Promise((_resolve, reject) => {
      signal.addEventListener("abort", () => {
        aborted.push(sku);
        reject(signal.reason);
      });
    });
  };
  assert.is(((await errorOf(cart.list())) as UpstreamError).status, "DATA_LOSS");
  assert.equal(aborted, [1002]);
});

listing("a caller who hangs up ends the questions", async () => {
  const cart = service.newUser();
  await cart.add(1002, 1);
  const caller = new AbortController();
  let isAborted = false;
  cart.upstreams.whileProduct = (_sku, signal) => {
    setImmediate(() => caller.abort(new Error("hung up")));
    return new Promise((_resolve, reject) => {
      signal.addEventListener("abort", () => {
        isAborted = true;
        reject(signal.reason);
      });
    });
  };
  assert.is((await errorOf(cart.list({ signal: caller.signal }))).message, "hung up");
  assert.ok(isAborted);
});

listing("an item whose product is gone is no empty cart", async () => {
  const cart = service.newUser();
  await cart.add(1002, 1);
  cart.upstreams.products.delete(1002);
  assert.is(await reasonOf(cart.list()), "unknown_sku");
});

listing.after(() => service[Symbol.asyncDispose]());
listing.run();

async function reasonOf(call: Promise<unknown>): Promise<string> {
  const error = await errorOf(call);
  assert.instance(error, DeclinedError);
  return (error as DeclinedError).reason;
}
