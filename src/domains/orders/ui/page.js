import { complain, get } from "/ui/api.js";
import { byId, cell, element, positionLink, time } from "/ui/dom.js";
import { update } from "/ui/live.js";
import { viewOrder } from "/ui/orders/order-view.js";
import { showConnection, watchEvents } from "/ui/shell.js";

showConnection("connecting…");
const newest = byId("newest");
const shown = [];

async function start() {
  try {
    const { orders } = await get(`/orders?limit=${NEWEST_MAX}`);
    byId("newest-problem").replaceChildren();
    showNewest(orders.reverse());
  } catch (error) {
    complain(byId("newest-problem"), error, start);
  }
}

function showCounts(counts) {
  for (const place of document.querySelectorAll("[data-count]")) {
    place.textContent = counts[place.dataset.count].toLocaleString();
  }
}

/** @param orders oldest first. */
function showNewest(orders) {
  for (const order of orders) {
    if (!shown.some(({ position }) => position === order.position)) shown.unshift(order);
  }
  // The orders that arrived before an answer are in it, too.
  shown.sort((one, other) => (BigInt(one.position) < BigInt(other.position) ? 1 : -1));
  shown.length = Math.min(shown.length, NEWEST_MAX);
  update(newest, ...(shown.length > 0 ? shown.map(rowOf) : [NONE.cloneNode(true)]));
}

function rowOf(order) {
  const open = element("button", { type: "button", class: "link" }, [order.id]);
  open.addEventListener("click", () => openOrder(order.id));
  return element("tr", { "data-key": order.position }, [
    cell("Order", open),
    cell("Position", positionLink(order.position, order.position)),
    cell("Customer", order.customer_id),
    cell("Track number", order.track_number),
    cell("Created", time(order.date_created)),
  ]);
}

/** For reload, sharing and the back button. */
function openOrder(id) {
  if (idInAddress() === id) showOrder(id);
  else location.hash = `order=${encodeURIComponent(id)}`;
}

function idInAddress() {
  const match = /^#order=(.+)$/.exec(location.hash);
  try {
    return match ? decodeURIComponent(match[1]) : undefined;
  } catch {
    return undefined;
  }
}

async function showOrder(id) {
  const place = byId("order");
  byId("order-id").value = id;
  try {
    const response = await fetch(`/orders?id=${encodeURIComponent(id)}`);
    const text = await response.text();
    if (response.ok) place.replaceChildren(viewOrder(JSON.parse(text), text, positionIn(response)));
    else
      place.replaceChildren(
        element("p", { role: "alert" }, [
          JSON.parse(text).detail ?? `The service answered ${response.status}.`,
        ]),
      );
  } catch {
    place.replaceChildren(element("p", { role: "alert" }, ["The service cannot be reached."]));
  }
  place.focus({ preventScroll: true });
  place.scrollIntoView({ block: "nearest" });
}

/** @returns undefined for a copy of an older version. */
function positionIn(response) {
  return /<\/messages\/(\d+)>/.exec(response.headers.get("link"))?.[1];
}

const NEWEST_MAX = 20;
const NONE = element("tr", {}, [element("td", { colspan: "5" }, ["No orders yet."])]);

byId("find").addEventListener("submit", (event) => {
  event.preventDefault();
  openOrder(byId("order-id").value.trim());
});
addEventListener("hashchange", () => {
  const id = idInAddress();
  if (id !== undefined) showOrder(id);
});
const asked = idInAddress();
if (asked !== undefined) showOrder(asked);
await start();
// Without a session the shell signs in; otherwise the feed reconnects, and what was missed is loaded.
watchEvents({ counts: ({ orders }) => showCounts(orders), orders: showNewest }, start);
