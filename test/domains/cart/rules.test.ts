/** The rules of the cart: given earlier commands, when one comes, then this happens. */
import { suite } from "uvu";
import { add, BEN, begin, clear, done, drop, failed, given } from "../../support/cart/cart.ts";

const items = suite("items of a cart");

items("what is added adds up", () => {
  given(add(1002, 2))
    .when(add(1002, 3))
    .succeeds()
    .holds("1002: 5")
    .when(add(1001, 1))
    .holds("1001: 1", "1002: 5");
});

items("the stock covers all that the cart holds, to the last piece", () => {
  given(add(1002, 7, 10))
    .when(add(1002, 4, 10))
    .declines("insufficient_stock")
    .holds("1002: 7")
    .when(add(1002, 3, 10))
    .succeeds()
    .holds("1002: 10");
});

items("of two additions that saw the same stock, the second is declined", () => {
  given()
    .when(add(1002, 6, 10))
    .succeeds()
    .when(add(1002, 6, 10))
    .declines("insufficient_stock");
});

items("nothing is added while there is no stock", () => {
  given()
    .when(add(1002, 1, 0))
    .declines("insufficient_stock")
    .holds();
});

items("the carts of two users do not mix", () => {
  given(add(1002, 6, 10), add(1002, 6, 10, BEN))
    .when(clear(BEN))
    .succeeds()
    .holds("1002: 6")
    .holdsFor(BEN);
});

items("no cart holds more pieces of a SKU than an order takes", () => {
  given(add(1002, 65_535, 100_000))
    .when(add(1002, 1, 100_000))
    .declines("count_overflow")
    .holds("1002: 65535");
});

items("no cart holds more SKUs than an order takes", () => {
  const full = Array.from({ length: 1_000 }, (_none, index) => add(index + 1, 1));
  given(...full)
    .when(add(1_001, 1))
    .declines("cart_full")
    .when(add(1_000, 1))
    .succeeds();
});

items("a deletion removes all of a SKU; what is not there can be deleted too", () => {
  given(add(1002, 2), add(1003, 1))
    .when(drop(1002))
    .succeeds()
    .holds("1003: 1")
    .when(drop(1002))
    .succeeds()
    .when(clear())
    .succeeds()
    .holds()
    .when(clear())
    .succeeds();
});

items.run();

const checkouts = suite("checkouts of a cart");

checkouts("a checkout freezes what the cart holds", () => {
  given(add(1002, 2), add(1003, 1))
    .when(begin("c"))
    .succeeds("c")
    .holds("1002: 2 (2 frozen)", "1003: 1 (1 frozen)")
    .leaves("c", "open");
});

checkouts("an empty cart is not checked out", () => {
  given().when(begin("c")).declines("empty_cart").leaves("c", "none");
});

checkouts("a second checkout of a user meanwhile is the first one", () => {
  given(add(1002, 2), begin("c"))
    .when(begin("d"))
    .succeeds("c")
    .leaves("d", "none")
    .when(add(1002, 1, 1_000, BEN))
    .when(begin("e", BEN))
    .succeeds("e");
});

checkouts("an order takes what was frozen; what was added meanwhile stays", () => {
  given(add(1002, 2), begin("c"), add(1002, 3), add(1003, 4))
    .when(done("c", 7))
    .succeeds("c")
    .holds("1002: 3", "1003: 4")
    .leaves("c", "done 7");
});

checkouts("what was deleted and added again meanwhile stays: no count falls below 0", () => {
  given(add(1002, 5), add(1003, 1), begin("c"), drop(1002), clear(), add(1002, 2))
    .when(done("c"))
    .succeeds("c")
    .holds("1002: 2");
});

checkouts("without an order the items stay, and are free for the next checkout", () => {
  given(add(1002, 2), begin("c"), add(1003, 1))
    .when(failed("c", "no stock"))
    .succeeds("c")
    .holds("1002: 2", "1003: 1")
    .leaves("c", "failed: no stock")
    .when(begin("d"))
    .succeeds("d")
    .holds("1002: 2 (2 frozen)", "1003: 1 (1 frozen)");
});

checkouts("a checkout ends once", () => {
  given(add(1002, 2), begin("c"), done("c", 7), add(1002, 1))
    .when(failed("c"))
    .declines("checkout_closed")
    .when({ ...done("c", 8), id: "c failed" })
    .declines("checkout_closed")
    .holds("1002: 1")
    .leaves("c", "done 7");
});

checkouts("nobody ends a checkout of another user, or one that is none", () => {
  given(add(1002, 2), begin("c"))
    .when(done("c", 7, BEN))
    .declines("checkout_not_found")
    .when(done("x"))
    .declines("checkout_not_found")
    .holds("1002: 2 (2 frozen)")
    .leaves("c", "open");
});

checkouts("after a checkout the user can check out again", () => {
  given(add(1002, 2), begin("c"), done("c", 7))
    .when(begin("d"))
    .declines("empty_cart")
    .when(add(1002, 1))
    .when(begin("e"))
    .succeeds("e");
});

checkouts.run();
