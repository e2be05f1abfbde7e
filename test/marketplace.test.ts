/** The marketplace as its users run it, with a few checkouts, and what its judge reports for violations. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Purchase } from "../tools/marketplace/load.ts";
import { compareHistory, type Notified } from "../tools/marketplace/notifications.ts";
import { compareOrders, compareStocks, type Order } from "../tools/marketplace/verify.ts";
import { findProgram } from "../tools/stack/kafka-program.ts";
import { findPgBouncer } from "../tools/stack/pgbouncer.ts";
import { findRedis } from "../tools/stack/redis.ts";
import { checkIf } from "./support/check-if.ts";
import { runScript } from "./support/command.ts";

const marketplace = suite("marketplace");
const check = checkIf(findPgBouncer() && findRedis() && (await findProgram(() => {})), marketplace);
const environment = { PATH: process.env.PATH ?? "" };

check("marketplace --once goes through scenario and load, and everything holds", async () => {
  const args = ["--once", "--checkouts", "40", "--users", "8", "--seed", "1"];
  const { status, stdout, stderr } = await runScript("tools/marketplace/main.ts", args, { environment });
  assert.is(status, 0, stdout + stderr);
  assert.not.match(stdout, /WRONG|NOT/);
  assert.match(stdout, /ok {4}cart\.Checkout ─▶ OK, order \d+/);
  assert.match(stdout, /\d+ orders: no SKU is oversold, every checkout has one order,/);
  const changes = Number(/(\d+) changes of orders: each is one notification, in order/.exec(stdout)?.[1]);
  assert.ok(changes > 80, stdout);
  assert.match(stdout, "All audits hold.");
});

marketplace("bad usage is refused before anything starts", async () => {
  const { status, stderr } = await runScript("tools/marketplace/main.ts", ["--users", "0"], { environment });
  assert.is(status, 2);
  assert.match(stderr, "a whole number from 1 to 1000");
});

const item = (sku: number, count: number) => ({ sku, count }) as Order["items"][number];
const order = (id: bigint, change: Partial<Order> = {}): Order => ({
  id,
  user: 1n,
  status: "payed",
  items: [item(7, 2)],
  ...change,
});
const purchase = (orderId: bigint | undefined, change: Partial<Purchase> = {}): Purchase => ({
  user: 1n,
  items: new Map([[7, 2]]),
  orderId,
  end: "payed",
  seconds: 0,
  ...change,
});

marketplace("the judge accepts what belongs together", () => {
  const orders = [order(1n), order(2n, { status: "failed" }), order(3n, { status: "awaiting payment" })];
  const purchases = [purchase(undefined), purchase(3n, { end: "left" })];
  assert.equal(compareOrders(orders, purchases, 1n), []);
  assert.equal(compareStocks(new Map([[7, 5n]]), new Map([[7, 1n]]), orders), []);
});

marketplace("the judge finds each order that is not what its user was told", () => {
  const findingsOf = (orders: readonly Order[], purchases: readonly Purchase[]) =>
    compareOrders(orders, purchases, 0n).join();
  assert.match(findingsOf([], [purchase(1n)]), "order 1 of a checkout does not exist");
  assert.match(findingsOf([order(1n)], [purchase(1n), purchase(1n)]), "belongs to two checkouts");
  assert.match(findingsOf([order(1n)], []), "order 1 belongs to no checkout");
  assert.match(findingsOf([order(1n, { user: 2n })], [purchase(1n)]), "belongs to another user");
  assert.match(findingsOf([order(1n, { items: [item(7, 1)] })], [purchase(1n)]), "has other items");
  assert.match(findingsOf([order(1n, { status: "cancelled" })], [purchase(1n)]), 'is "cancelled" though');
  assert.match(findingsOf([order(1n)], [purchase(1n, { end: "left" })]), 'is "payed" though');
  assert.match(findingsOf([], [purchase(undefined)]), "1 checkouts were refused, but 0 orders failed");
});

marketplace("the judge finds a SKU that is oversold, and a stock that its orders do not explain", () => {
  const orders = [order(1n), order(2n, { status: "awaiting payment" }), order(3n, { status: "cancelled" })];
  assert.match(compareStocks(new Map([[7, 3n]]), new Map([[7, 0n]]), orders).join(), "oversold: 4 of 3");
  assert.match(compareStocks(new Map([[7, 9n]]), new Map([[7, 3n]]), orders).join(), "3 left instead of 5");
});

const MOMENT = "2026-01-31T12:00:00.000Z";
const changed = (sequence: number, status: string) => ({ sequence, status, moment: MOMENT });
const history = { id: 1n, changes: [changed(1, "new"), changed(2, "awaiting payment"), changed(3, "payed")] };
const notified: readonly Notified[] = history.changes.map((change) => ({ ...change, arrival: "in_order" }));

marketplace("the judge accepts notifications that say what the history says", () => {
  assert.is(compareHistory(history, notified), undefined);
});

marketplace("the judge finds each notification that is lost, doubled, late or wrong", () => {
  const [first, second, third] = notified as [Notified, Notified, Notified];
  const findingOf = (heard: readonly Notified[]) => compareHistory(history, heard) ?? "nothing";
  assert.match(findingOf([]), "but the notifications say: nothing");
  assert.match(findingOf([first, third]), "but the notifications say: 1 new");
  assert.match(findingOf([first, second, second, third]), "but the notifications say: 1 new");
  assert.match(findingOf([first, third, second]), "but the notifications arrived in another order: 1 new");
  assert.match(findingOf([first, second, { ...third, status: "cancelled" }]), "3 cancelled at");
  assert.match(findingOf([first, second, { ...third, moment: "2026-01-31T12:00:01.000Z" }]), "12:00:01");
  assert.match(findingOf([first, second, { ...third, arrival: "gap" }]), "order 1 is gap: 3 payed");
  const torn = { id: 1n, changes: [changed(1, "new"), changed(3, "payed")] };
  assert.match(compareHistory(torn, notified) ?? "nothing", "the history of order 1 has a gap");
});

marketplace.run();
