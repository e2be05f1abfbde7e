/** As given / when / then. */
import { suite } from "uvu";
import { MINOR_MAX } from "../../../src/domains/wallet/amount.ts";
import {
  capture,
  given,
  hold,
  put,
  release,
  reverse,
  send,
  take,
  tick,
} from "../../support/wallet/wallet.ts";

const money = suite("money in and out");

money("a deposit adds to what is available", () => {
  given()
    .when(put("ann", "100.50"))
    .succeeds("external -100.50 = -100.50", "ann +100.50 = 100.50")
    .leaves("ann", "100.50");
});

money("a withdrawal takes from what is available", () => {
  given(put("ann", "100.00"))
    .when(take("ann", "30.01"))
    .succeeds("ann -30.01 = 69.99", "external +30.01 = -69.99");
});

money("the last unit can be withdrawn, and one more cannot", () => {
  given(put("ann", "10.00"))
    .when(take("ann", "10.01"))
    .declines("insufficient_funds")
    .leaves("ann", "10.00")
    .when(take("ann", "10.00"))
    .succeeds("ann -10.00 = 0.00", "external +10.00 = 0.00");
});

money("currencies do not mix", () => {
  given(put("ann", "500", "JPY"))
    .when(take("ann", "1.00", "USD"))
    .declines("insufficient_funds")
    .leaves("ann", "500", "JPY");
});

money("each currency has its own decimals", () => {
  given()
    .when(put("ann", "1.5", "JPY"))
    .declines("amount_precision")
    .when(put("ann", "1.005", "USD"))
    .declines("amount_precision")
    .when(put("ann", "1.005", "KWD"))
    .succeeds("external -1.005 = -1.005", "ann +1.005 = 1.005")
    .when(put("ann", "1", "USD"))
    .succeeds("external -1.00 = -1.00", "ann +1.00 = 1.00");
});

money("a currency that is not known is declined", () => {
  given()
    .when(put("ann", "1.00", "XTS"))
    .declines("unknown_currency");
});

money("no balance has more than 38 digits", () => {
  given(put("ann", String(MINOR_MAX), "JPY"))
    .when(put("ann", "1", "JPY"))
    .declines("overflow")
    .when(put("ben", "1", "JPY"))
    .declines("overflow")
    .when(put("ben", `1${"0".repeat(40)}`, "JPY"))
    .declines("overflow")
    // The amount fits no column.
    .when(take("ann", `1${"0".repeat(40)}`, "JPY"))
    .declines("overflow");
});

money.run();

const transfers = suite("transfers");

transfers("money goes from one user to another", () => {
  given(put("ann", "10.00"))
    .when(send("ann", "ben", "4.00"))
    .succeeds("ann -4.00 = 6.00", "ben +4.00 = 4.00");
});

transfers("a user cannot send more than the balance, or to themselves", () => {
  given(put("ann", "10.00"), put("ben", "90.00"))
    .when(send("ann", "ben", "10.01"))
    .declines("insufficient_funds")
    .when(send("ann", "ann", "1.00"))
    .declines("self_transfer")
    .leaves("ann", "10.00");
});

transfers.run();

const holds = suite("holds");

holds("held money cannot be spent", () => {
  given(put("ann", "10.00"))
    .when(hold("ann", "h", "8.00"))
    .succeeds("ann -8.00 = 2.00", "ann held +8.00 = 8.00")
    .when(take("ann", "2.01"))
    .declines("insufficient_funds")
    .when(hold("ann", "h2", "2.01"))
    .declines("insufficient_funds")
    .leaves("ann", "2.00 held 8.00");
});

holds("a capture pays what is held; without an amount, all of it", () => {
  given(put("ann", "10.00"), hold("ann", "h", "8.00"))
    .when(capture("ann", "h"))
    .succeeds("ann held -8.00 = 0.00", "external +8.00 = -2.00")
    .leaves("ann", "2.00");
});

holds("a hold can be captured in parts until nothing is left", () => {
  given(put("ann", "10.00"), hold("ann", "h", "8.00"))
    .when(capture("ann", "h", "3.00"))
    .succeeds("ann held -3.00 = 5.00", "external +3.00 = -7.00")
    .when(capture("ann", "h", "5.01"))
    .declines("exceeds_hold")
    .when(capture("ann", "h", "5.00"))
    .succeeds("ann held -5.00 = 0.00", "external +5.00 = -2.00")
    .when(capture("ann", "h", "0.01"))
    .declines("hold_closed");
});

holds("a release gives back what is left", () => {
  given(put("ann", "10.00"), hold("ann", "h", "8.00"), capture("ann", "h", "3.00"))
    .when(release("ann", "h"))
    .succeeds("ann held -5.00 = 0.00", "ann +5.00 = 7.00")
    .when(release("ann", "h"))
    .declines("hold_closed")
    .when(capture("ann", "h"))
    .declines("hold_closed");
});

holds("a declined hold does not exist", () => {
  given(put("ann", "10.00"))
    .when(hold("ann", "h", "10.01"))
    .declines("insufficient_funds")
    .when(capture("ann", "h"))
    .declines("hold_not_found");
});

holds("a user cannot see or capture another user's hold", () => {
  given(put("ann", "10.00"), hold("ann", "h", "8.00"), put("ben", "10.00"))
    .when(capture("ben", "h"))
    .declines("hold_not_found")
    .when(release("ben", "h"))
    .declines("hold_not_found")
    .when(hold("ben", "h", "1.00"))
    .succeeds("ben -1.00 = 9.00", "ben held +1.00 = 1.00")
    .leaves("ann", "2.00 held 8.00");
});

holds.run();

const time = suite("time");

time("a hold expires when a message comes at its time, before that message", () => {
  given(put("ann", "10.00"), hold("ann", "h", "8.00", 60))
    .when(take("ann", "2.00", "USD", { at: 59 }))
    .succeeds("ann -2.00 = 0.00", "external +2.00 = -8.00")
    .when(take("ann", "8.00", "USD", { at: 60 }))
    .succeeds(
      "expired: ann held -8.00 = 0.00",
      "expired: ann +8.00 = 8.00",
      "ann -8.00 = 0.00",
      "external +8.00 = 0.00",
    );
});

time("a tick lets holds of all users expire, the earliest first", () => {
  given(
    put("ann", "10.00"),
    hold("ann", "late", "1.00", 20),
    put("ben", "10.00"),
    hold("ben", "early", "2.00", 10),
  )
    .when(tick(5))
    .succeeds()
    .when(tick(30))
    .succeeds(
      "expired: ben held -2.00 = 0.00",
      "expired: ben +2.00 = 10.00",
      "expired: ann held -1.00 = 0.00",
      "expired: ann +1.00 = 10.00",
    )
    .when(tick(31))
    .succeeds();
});

time("each hold expires at its own time", () => {
  given(put("ann", "10.00"), hold("ann", "first", "1.00", 10), hold("ann", "second", "2.00", 20))
    .when(tick(10))
    .succeeds("expired: ann held -1.00 = 2.00", "expired: ann +1.00 = 8.00")
    .when(tick(20))
    .succeeds("expired: ann held -2.00 = 0.00", "expired: ann +2.00 = 10.00");
});

time("what is left of a captured hold expires, and nothing more can be captured", () => {
  given(put("ann", "10.00"), hold("ann", "h", "8.00", 60), capture("ann", "h", "3.00"))
    .when(capture("ann", "h", "1.00", { at: 60 }))
    .declines("hold_closed", "expired: ann held -5.00 = 0.00", "expired: ann +5.00 = 7.00");
});

time("time never goes back, whatever the messages say", () => {
  given(put("ann", "10.00"), tick(100))
    .when(hold("ann", "h", "8.00", 60, { at: 10 }))
    .succeeds("ann -8.00 = 2.00", "ann held +8.00 = 8.00")
    .when(tick(159))
    .succeeds()
    .when(tick(160))
    .succeeds("expired: ann held -8.00 = 0.00", "expired: ann +8.00 = 10.00");
});

time.run();

const reversals = suite("reversals");

reversals("a deposit is taken back, whole or in parts, and never more than it was", () => {
  given(put("ann", "10.00", "USD", { id: "d" }), put("ann", "5.00"))
    .when(reverse("ann", "d", "4.00"))
    .succeeds("ann -4.00 = 11.00", "external +4.00 = -11.00")
    .when(reverse("ann", "d", "6.01"))
    .declines("exceeds_original")
    .when(reverse("ann", "d"))
    .succeeds("ann -6.00 = 5.00", "external +6.00 = -5.00")
    .when(reverse("ann", "d"))
    .declines("already_reversed");
});

reversals("a deposit that was spent cannot be taken back: no balance falls below 0", () => {
  given(put("ann", "10.00", "USD", { id: "d" }), take("ann", "0.01"))
    .when(reverse("ann", "d"))
    .declines("insufficient_funds")
    .leaves("ann", "9.99");
});

reversals("a withdrawal and a capture come back", () => {
  given(
    put("ann", "10.00"),
    take("ann", "4.00", "USD", { id: "w" }),
    hold("ann", "h", "6.00"),
    capture("ann", "h", "5.00", { id: "c" }),
  )
    .when(reverse("ann", "w"))
    .succeeds("external -4.00 = -5.00", "ann +4.00 = 4.00")
    .when(reverse("ann", "c", "1.00"))
    .succeeds("external -1.00 = -6.00", "ann +1.00 = 5.00");
});

reversals("a transfer is given back by its receiver, and not taken back by its sender", () => {
  given(put("ann", "10.00"), send("ann", "ben", "4.00", { id: "t" }))
    .when(reverse("ann", "t"))
    .declines("not_owner")
    .when(reverse("ben", "t", undefined, { from: "ann" }))
    .succeeds("ben -4.00 = 0.00", "ann +4.00 = 10.00");
});

reversals("a user learns nothing about other users' transactions", () => {
  given(put("ann", "10.00", "USD", { id: "d" }), send("ann", "ben", "4.00", { id: "t" }))
    .when(reverse("eve", "d"))
    .declines("transaction_not_found")
    .when(reverse("eve", "d", undefined, { from: "ann" }))
    .declines("transaction_not_found")
    .when(reverse("eve", "t", undefined, { from: "ann" }))
    .declines("transaction_not_found");
});

reversals("what moved no money or was undone cannot be reversed", () => {
  given(
    put("ann", "10.00", "USD", { id: "d" }),
    hold("ann", "h", "1.00"),
    reverse("ann", "d", "1.00", { id: "r" }),
  )
    .when(reverse("ann", "h"))
    .declines("not_reversible")
    .when(reverse("ann", "r"))
    .declines("not_reversible")
    .when(take("ann", "99.00", "USD", { id: "declined" }))
    .declines("insufficient_funds")
    .when(reverse("ann", "declined"))
    .declines("not_reversible");
});

reversals.run();

const currencies = suite("currencies");
const dollars = (enabled: boolean, more: object = {}) =>
  ({ type: "currency.put", code: "USD", numeric_code: 840, exponent: 2, enabled, ...more }) as const;

currencies("a disabled currency begins nothing, and what was begun is finished", () => {
  given(
    put("ann", "30.00", "USD", { id: "d" }),
    hold("ann", "captured", "8.00"),
    hold("ann", "released", "2.00"),
    hold("ann", "expired", "1.00", 60),
    dollars(false),
  )
    .when(put("ann", "1.00"))
    .declines("currency_disabled")
    .when(take("ann", "1.00"))
    .declines("currency_disabled")
    .when(send("ann", "ben", "1.00"))
    .declines("currency_disabled")
    .when(hold("ann", "h", "1.00"))
    .declines("currency_disabled")
    .when(capture("ann", "captured"))
    .succeeds("ann held -8.00 = 3.00", "external +8.00 = -22.00")
    .when(release("ann", "released"))
    .succeeds("ann held -2.00 = 1.00", "ann +2.00 = 21.00")
    .when(reverse("ann", "d", "1.00"))
    .succeeds("ann -1.00 = 20.00", "external +1.00 = -21.00")
    .when(tick(60))
    .succeeds("expired: ann held -1.00 = 0.00", "expired: ann +1.00 = 21.00")
    .when(dollars(true))
    .succeeds()
    .when(take("ann", "21.00"))
    .succeeds("ann -21.00 = 0.00", "external +21.00 = 0.00");
});

currencies("what amounts of a currency mean never changes", () => {
  given(put("ann", "1.00"))
    .when(dollars(true, { exponent: 3 }))
    .declines("currency_fixed")
    .when(dollars(true, { numeric_code: 841 }))
    .declines("currency_fixed")
    .when(take("ann", "1.00"))
    .succeeds("ann -1.00 = 0.00", "external +1.00 = 0.00");
});

currencies.run();
