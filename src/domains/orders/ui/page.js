import { get } from "/ui/api.js";
import { byId, cell, element } from "/ui/dom.js";
import { viewOrder } from "/ui/orders/order-view.js";
import { showConnection, watchEvents } from "/ui/shell.js";

const newest = byId("newest");
const shown = [];

async function start() {
  showConnection("connecting…");
  const { orders } = await get(`/orders?limit=${NEWEST_MAX}`);
  showNewest(orders.reverse());
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
  shown.length = Math.min(shown.length, NEWEST_MAX);
  if (shown.length > 0) newest.replaceChildren(...shown.map(rowOf));
}

function rowOf(order) {
  const open = element("button", { type: "button", class: "link" }, [order.id]);
  open.addEventListener("click", () => openOrder(order.id));
  return element("tr", {}, [
    cell("Order", open),
    cell("Position", order.position),
    cell("Customer", order.customer_id),
    cell("Track number", order.track_number),
    cell(
      "Created",
      new Date(order.date_created).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" }),
    ),
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
    if (response.ok) place.replaceChildren(viewOrder(JSON.parse(text), text));
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

const NEWEST_MAX = 20;

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
await start().catch((error) => {
  // Without a session the shell signs in; otherwise the feed reconnects.
  if (error.status !== 401) showConnection(error.message, true);
});
watchEvents({ counts: ({ orders }) => showCounts(orders), orders: showNewest });
