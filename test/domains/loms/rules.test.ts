/** The rules of loms: given earlier commands, when one comes, then this happens. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { isRejection } from "../../../src/contract/command-shapes.ts";
import { checkCommand } from "../../../src/domains/loms/commands.ts";
import { ORDER_STATUSES } from "../../../src/domains/loms/model.ts";
import { cancel, given, LomsInMemory, order, pay, stock, tick } from "../../support/loms/loms.ts";

const creation = suite("an order is created");

creation("it is new, then all of its items are reserved and it awaits its payment", () => {
  given(stock(1002, 200, 20), stock(1003, 250, 30))
    .when(order({ 1002: 5, 1003: 10 }))
    .succeeds("1 new", "1 awaiting payment")
    .leaves(1002, "200/25", 175)
    .leaves(1003, "250/40", 210)
    .keeps(1, "awaiting payment", { 1002: 5, 1003: 10 });
});

creation("one short item reserves nothing, and the order stays with its items, as failed", () => {
  given(stock(1002, 200, 20), stock(1003, 250, 249))
    .when(order({ 1002: 5, 1003: 2 }))
    .declines("insufficient_stock", "1 new", "1 failed")
    .leaves(1002, "200/20", 180)
    .leaves(1003, "250/249", 1)
    .keeps(1, "failed", { 1002: 5, 1003: 2 });
});

creation("an unknown SKU reserves nothing, and the order stays with its items, as failed", () => {
  given(stock(1002, 200, 20))
    .when(order({ 1002: 5, 7: 1 }))
    .declines("unknown_sku", "1 new", "1 failed")
    .leaves(1002, "200/20", 180)
    .keeps(1, "failed", { 7: 1, 1002: 5 });
});

creation("the last piece can be ordered, and one more cannot", () => {
  given(stock(1002, 10, 3))
    .when(order({ 1002: 8 }))
    .declines("insufficient_stock", "1 new", "1 failed")
    .when(order({ 1002: 7 }))
    .succeeds("2 new", "2 awaiting payment")
    .leaves(1002, "10/10", 0)
    .when(order({ 1002: 1 }))
    .declines("insufficient_stock", "3 new", "3 failed");
});

creation("where others reserve more than there is, nothing is available, and it is never below 0", () => {
  given(stock(139818428, 100, 101))
    .when(order({ 139818428: 1 }))
    .declines("insufficient_stock", "1 new", "1 failed")
    .leaves(139818428, "100/101", 0);
});

creation("the same SKU twice is summed, by SKU ascending", () => {
  const items = [
    { sku: 1003, count: 1 },
    { sku: 1002, count: 6 },
    { sku: 1002, count: 5 },
  ];
  given(stock(1002, 10), stock(1003, 10))
    .when(order(items))
    .declines("insufficient_stock", "1 new", "1 failed")
    .keeps(1, "failed", { 1002: 11, 1003: 1 })
    .when(stock(1002, 11))
    .succeeds()
    .when(order(items))
    .succeeds("2 new", "2 awaiting payment")
    .leaves(1002, "11/11", 0);
});

creation("the sum over one SKU may be more than the count of one item", () => {
  const items = Array.from({ length: 1_000 }, () => ({ sku: 1002, count: 65_535 }));
  given(stock(1002, 65_535_000))
    .when(order(items))
    .succeeds("1 new", "1 awaiting payment")
    .keeps(1, "awaiting payment", { 1002: 65_535_000 })
    .leaves(1002, "65535000/65535000", 0);
});

creation("ids count from 1 without a gap, failed orders included", () => {
  const loms = new LomsInMemory();
  loms.ask(stock(1002, 1));
  const ids = [order({ 1002: 1 }), order({ 1002: 1 }), pay(1), order({ 9: 1 }), order({ 1002: 1 })].map(
    (command) => loms.ask(command).decided.order,
  );
  assert.equal(ids, [1n, 2n, 1n, 3n, 4n]);
});

creation(
  "counts are 1 to 65,535, SKUs 32 bits, users 63 bits, items 1 to 1,000; nothing else is a command",
  () => {
    const item = { sku: 1, count: 1 };
    const isCommand = (change: object) =>
      !isRejection(checkCommand({ id: "x", type: "order.create", user: "1", items: [item], ...change }));
    assert.ok(isCommand({}));
    for (const count of [1, 65_535]) assert.ok(isCommand({ items: [{ sku: 1, count }] }), `${count}`);
    for (const count of [0, -1, 65_536, 1.5, "1", 2 ** 32 + 1, null])
      assert.not.ok(isCommand({ items: [{ sku: 1, count }] }), `${count}`);
    for (const sku of [1, 4_294_967_295]) assert.ok(isCommand({ items: [{ sku, count: 1 }] }), `${sku}`);
    for (const sku of [0, -1, 4_294_967_296, 0.5, "1"])
      assert.not.ok(isCommand({ items: [{ sku, count: 1 }] }), `${sku}`);
    for (const user of ["1", "9223372036854775807"]) assert.ok(isCommand({ user }), user);
    for (const user of ["0", "-1", "9223372036854775808", "01", "1.0", 1, "", "99999999999999999999"])
      assert.not.ok(isCommand({ user }), `${user}`);
    assert.ok(isCommand({ items: Array(1_000).fill(item) }));
    for (const items of [[], Array(1_001).fill(item), {}, null]) assert.not.ok(isCommand({ items }));
  },
);

creation.run();

const payment = suite("an order is payed");

payment("its pieces leave the stock and the reservation", () => {
  given(stock(1002, 200, 20), order({ 1002: 5 }))
    .when(pay(1))
    .succeeds("1 payed")
    .leaves(1002, "195/20", 175);
});

payment("paying again is OK and moves nothing", () => {
  given(stock(1002, 200, 20), order({ 1002: 5 }), pay(1))
    .when(pay(1))
    .succeeds()
    .leaves(1002, "195/20", 175);
});

payment("a cancelled, a failed and an unknown order cannot be payed", () => {
  given(stock(1002, 200, 20), order({ 1002: 5 }), cancel(1))
    .when(pay(1))
    .declines("wrong_status")
    .when(order({ 1002: 201 }))
    .declines("insufficient_stock", "2 new", "2 failed")
    .when(pay(2))
    .declines("wrong_status")
    .when(pay(3))
    .declines("order_not_found")
    .leaves(1002, "200/20", 180);
});

payment.run();

const cancellation = suite("an order is cancelled");

cancellation("its reservation is freed, and the total stays", () => {
  given(stock(1002, 200, 20), order({ 1002: 5 }))
    .when(cancel(1))
    .succeeds("1 cancelled")
    .leaves(1002, "200/20", 180);
});

cancellation("cancelling twice is OK and frees the stock once", () => {
  given(stock(1002, 200, 20), order({ 1002: 5 }), order({ 1002: 7 }), cancel(1))
    .when(cancel(1))
    .succeeds()
    .leaves(1002, "200/27", 173);
});

cancellation("a payed, a failed and an unknown order cannot be cancelled", () => {
  given(stock(1002, 200, 20), order({ 1002: 5 }), pay(1))
    .when(cancel(1))
    .declines("wrong_status")
    .leaves(1002, "195/20", 175)
    .when(order({ 7: 1 }))
    .declines("unknown_sku", "2 new", "2 failed")
    .when(cancel(2))
    .declines("wrong_status")
    .when(cancel(3))
    .declines("order_not_found");
});

cancellation("statuses are spelled as other systems read them", () => {
  assert.equal(ORDER_STATUSES, ["new", "awaiting payment", "payed", "cancelled", "failed"]);
});

cancellation.run();

const time = suite("an order that nobody pays");

time("is cancelled when ten minutes have passed since its creation, and not before", () => {
  given(stock(1002, 200, 20, { at: 0 }), order({ 1002: 5 }, { at: 100 }))
    .when(tick(699))
    .succeeds()
    .leaves(1002, "200/25", 175)
    .when(tick(700))
    .succeeds("1 cancelled")
    .leaves(1002, "200/20", 180)
    .when(tick(701))
    .succeeds();
});

time("is cancelled before the message that brings the time, whatever that is", () => {
  given(stock(1002, 10), order({ 1002: 10 }))
    .when(order({ 1002: 10 }, { at: 600 }))
    .succeeds("1 cancelled", "2 new", "2 awaiting payment")
    .leaves(1002, "10/10", 0)
    .when(pay(2, { at: 1200 }))
    .declines("wrong_status", "2 cancelled")
    .when(cancel(2, { at: 1200 }))
    .succeeds();
});

time("is payed if the payment stands before that message", () => {
  given(stock(1002, 10), order({ 1002: 10 }), pay(1, { at: 599 }))
    .when(tick(700))
    .succeeds()
    .leaves(1002, "0/0", 0);
});

time("is cancelled by the greatest time so far: an earlier time afterwards changes nothing", () => {
  given(stock(1002, 10), tick(1000), order({ 1002: 1 }, { at: 400 }))
    .when(tick(1599))
    .succeeds()
    .when(tick(900))
    .succeeds()
    .when(tick(1600))
    .succeeds("1 cancelled");
});

time("is cancelled after those that were created before it", () => {
  given(stock(1002, 10), order({ 1002: 1 }), order({ 1002: 2 }, { at: 1 }), order({ 1002: 3 }, { at: 300 }))
    .when(tick(601))
    .succeeds("1 cancelled", "2 cancelled")
    .leaves(1002, "10/3", 7);
});

time.run();

const stocks = suite("a stock is put");

stocks("what others reserve is replaced, and what orders reserve stays reserved", () => {
  given(stock(1002, 200, 20), order({ 1002: 5 }))
    .when(stock(1002, 300, 1))
    .succeeds()
    .leaves(1002, "300/6", 294)
    .when(pay(1))
    .succeeds("1 payed")
    .leaves(1002, "295/1", 294);
});

stocks("no stock has fewer pieces than orders reserve", () => {
  given(stock(1002, 200, 20), order({ 1002: 5 }))
    .when(stock(1002, 4))
    .declines("reserved_by_orders")
    .leaves(1002, "200/25", 175)
    .when(stock(1002, 5, 1_000))
    .succeeds()
    .leaves(1002, "5/1005", 0)
    .when(pay(1))
    .succeeds("1 payed")
    .leaves(1002, "0/1000", 0);
});

stocks.run();
