/** Inserts values as text, never as markup. */
import { cell, element, facts, positionLink, time } from "/ui/dom.js";

/** @param position of the message that brought it; undefined if unknown. */
export function viewOrder(order, raw, position) {
  const money = moneyIn(order.payment.currency);
  return element("article", { class: "order", "aria-label": `Order ${order.order_uid}` }, [
    element("h3", {}, [order.order_uid]),
    element("p", {}, [
      time(order.date_created),
      ` · track number ${order.track_number}`,
      ...(position === undefined ? [] : [" · ", positionLink(position, `message ${position}`)]),
    ]),
    element("div", { class: "parties" }, [viewDelivery(order), viewPayment(order, money)]),
    viewItems(order.items, money),
    element("details", {}, [
      element("summary", {}, ["Raw JSON"]),
      element("pre", { tabindex: "0", "aria-label": "Raw JSON" }, [raw]),
    ]),
  ]);
}

function viewDelivery({ delivery, delivery_service, customer_id }) {
  return element("div", {}, [
    element("h3", {}, ["Delivery"]),
    element(
      "address",
      {},
      lines([
        delivery.name,
        delivery.address,
        `${delivery.zip} ${delivery.city}`,
        delivery.region,
        delivery.phone,
        delivery.email,
      ]),
    ),
    facts([
      ["Carrier", delivery_service],
      ["Customer", customer_id],
    ]),
  ]);
}

function viewPayment({ payment }, money) {
  const fee = payment.custom_fee > 0 ? [["Customs", money(payment.custom_fee)]] : [];
  return element("div", {}, [
    element("h3", {}, ["Payment"]),
    facts([
      ["Goods", money(payment.goods_total)],
      ["Delivery", money(payment.delivery_cost)],
      ...fee,
      ["Total", money(payment.amount)],
      ["Paid", time(payment.payment_dt * 1000)],
      ["Paid with", `${payment.provider}, ${payment.bank}`],
    ]),
  ]);
}

function viewItems(items, money) {
  const heads = ["Item", "Brand", "Size", "Price", "Discount", "Total"];
  const rows = items.map((item) =>
    element("tr", {}, [
      cell("Item", item.name),
      cell("Brand", item.brand),
      // "0": no size.
      cell("Size", item.size === "0" ? "–" : item.size),
      cell("Price", money(item.price), "number"),
      cell("Discount", `${item.sale} %`, "number"),
      cell("Total", money(item.total_price), "number"),
    ]),
  );
  return element("table", {}, [
    element("thead", {}, [
      element(
        "tr",
        {},
        heads.map((head, index) =>
          element("th", index < 3 ? { scope: "col" } : { scope: "col", class: "number" }, [head]),
        ),
      ),
    ]),
    element("tbody", {}, rows),
  ]);
}

/** Minor units: cents, but whole yen and thousandths of a dinar. */
export function moneyIn(currency) {
  const format = new Intl.NumberFormat(undefined, { style: "currency", currency });
  const digits = format.resolvedOptions().maximumFractionDigits;
  return (amount) => format.format(amount / 10 ** digits);
}

function lines(texts) {
  return texts.filter((text) => text.trim() !== "").flatMap((text) => [text, element("br")]);
}
