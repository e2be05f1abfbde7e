/** The shop: products with their stock, a cart, checkout, and an order with its changes and notifications. */
import { isTemporary, Refused } from "/ui/api.js";
import { callerWith, newKey } from "/ui/caller.js";
import { button, byId, cell, element, link, time } from "/ui/dom.js";
import { update } from "/ui/live.js";
import { showConnection } from "/ui/shell.js";

const { token, ask } = callerWith("shop-token");

/** The user of the development data. */
const FIRST_USER = "31337";
/** A notification arrives within this time; meanwhile another caller may change the order. */
const REFRESH_MS = 2_000;
const DAY_MS = 24 * 60 * 60 * 1000;

/** Keys of commands without a known outcome, by the request: a repeated request must not take effect twice. */
const keys = new Map();
/** The `start_after_sku` of the next page of products; 0 if there is none. */
let nextSku = 0;
/** The user's notifications, or undefined if they cannot be read. */
let notifications = [];
let timer;

/** Shows each part that can be shown: an unavailable service hides its own part alone. */
async function start() {
  byId("user").value = userOfTab();
  if (byId("shop").hidden) showConnection("connecting…");
  const parts = await Promise.allSettled([showProducts(), showCart(), showOrder()]);
  const problems = parts.flatMap(({ reason }) => reason ?? []);
  const denied = problems.find(({ status }) => status === 401);
  if (denied) return complain(denied);
  byId("shop").hidden = false;
  showConnection(`user ${userOfTab()}`);
  if (byId("answer").querySelector(".loading")) say("");
  if (problems.length > 0) complain(problems[0]);
}

function showSignIn(problem) {
  showConnection("sign in to see the shop");
  say("");
  clearTimeout(timer);
  byId("shop").hidden = true;
  byId("caller-sign-in").hidden = false;
  byId("token-problem").textContent = problem;
  byId("caller-token").focus();
}

/** Shows the first page of products, or as many pages again as are shown already. */
async function showProducts() {
  const wanted = byId("products").querySelectorAll("tr[data-sku]").length;
  const rows = [];
  nextSku = 0;
  do {
    rows.push(...(await nextProducts()));
  } while (nextSku !== 0 && rows.length < wanted);
  byId("products").replaceChildren(...rows);
  byId("more").hidden = nextSku === 0;
}

async function nextProducts() {
  const { document } = await ask(`/shop/products?start_after_sku=${nextSku}`);
  nextSku = document.next_start_after_sku;
  return document.products.map(productRow);
}

function productRow({ sku, name, price, available }) {
  const count = element("input", {
    type: "number",
    min: "1",
    max: "65535",
    value: "1",
    "aria-label": `Pieces of ${name}`,
  });
  const add = button("Add", () => perform(add, () => addItem(sku, name, count), showCart), {
    "aria-label": `Add ${name}`,
  });
  const isSoldOut = available === "0";
  add.disabled = isSoldOut;
  return element("tr", { "data-sku": sku }, [
    cell("Product", name),
    cell("Price", price.toLocaleString(), "number"),
    cell("In stock", isSoldOut ? "sold out" : available, "number"),
    cell("Add", element("span", { class: "row" }, [count, add])),
  ]);
}

async function addItem(sku, name, input) {
  if (!input.reportValidity()) return;
  const count = input.valueAsNumber;
  await command("/cart/item/add", { user: userOfTab(), sku, count });
  say(`${count} × ${name} added to the cart.`, "good");
  input.value = "1";
}

async function showCart() {
  const { items, total_price } = await cartOf(userOfTab());
  const rows = items.map(({ sku, count, name, price }) => {
    const drop = () => command("/cart/item/delete", { user: userOfTab(), sku });
    const remove = button("Remove", () => perform(remove, drop, showCart), {
      "aria-label": `Remove ${name}`,
      class: "quiet",
    });
    return element("tr", { "data-sku": sku }, [
      cell("Product", name),
      cell("Count", count.toLocaleString(), "number"),
      cell("Price", price.toLocaleString(), "number"),
      cell("Sum", (BigInt(count) * BigInt(price)).toLocaleString(), "number"),
      cell("Remove", remove),
    ]);
  });
  byId("cart").replaceChildren(...(rows.length > 0 ? rows : [note(5, "The cart is empty.")]));
  byId("total").textContent = BigInt(total_price).toLocaleString();
  for (const id of ["checkout", "clear"]) byId(id).disabled = rows.length === 0;
}

/** An empty cart is NOT_FOUND, which is expected here. */
async function cartOf(user) {
  try {
    return (await ask("/cart/list", { method: "POST", body: { user } })).document;
  } catch (error) {
    if (error.status === 404) return { items: [], total_price: "0" };
    throw error;
  }
}

async function checkOut() {
  const { order_id } = await command("/cart/checkout", { user: userOfTab() });
  say(`Order ${order_id} is created.`, "good");
  location.hash = `order-${order_id}`;
}

/** Pays or cancels the order that is shown. */
async function change(verb, result) {
  const id = shownOrder();
  await command(`/shop/orders/${id}/${verb}`, {});
  say(`Order ${id} is ${result}.`, "good");
}

/** Shows the order of the address. Repeats it until its last status and all notifications are there. */
async function showOrder() {
  clearTimeout(timer);
  const id = shownOrder();
  const [order] = await Promise.all([id && ask(`/shop/orders/${id}`), showOrders()]);
  if (id !== shownOrder()) return;
  byId("order").hidden = order?.document.user !== userOfTab();
  if (!byId("order").hidden) showChanges(id, order.document);
  else if (order) say(`Order ${id} belongs to another user.`, "bad");
}

function showChanges(id, order) {
  byId("order-id").textContent = id;
  setText("order-status", order.status);
  byId("order-items").textContent = order.items.map(({ sku, count }) => `${count} × SKU ${sku}`).join(", ");
  const isPayable = order.status === "awaiting payment";
  for (const name of ["pay", "cancel"]) byId(name).disabled = !isPayable;
  const notified = notifications?.filter(({ order_id }) => order_id === id).map(({ sequence }) => sequence);
  update(
    byId("changes"),
    ...order.changes.map(({ sequence, status, moment }) =>
      element("tr", {}, [
        cell("No.", String(sequence), "number"),
        cell("Status", status),
        cell("Time", time(moment)),
        cell("Notification", notificationText(notified, sequence)),
      ]),
    ),
  );
  const isComplete = notified === undefined || notified.length >= order.changes.length;
  if (isPayable || !isComplete) timer = setTimeout(follow, REFRESH_MS);
}

/** A failure does not end it: the service may be restarting. */
async function follow(isAgain) {
  try {
    await showOrder();
    if (isAgain) say("");
  } catch (error) {
    complain(error);
    if (isTemporary(error)) timer = setTimeout(follow, REFRESH_MS, true);
  }
}

function notificationText(notified, sequence) {
  if (notified === undefined) return "unknown";
  return notified.includes(sequence) ? "received" : "not yet";
}

/** The orders of the user's notifications, the latest first. */
async function showOrders() {
  try {
    notifications = await notificationsOf(userOfTab());
    byId("orders-problem").textContent = "";
  } catch (error) {
    if (error.status === 401) throw error;
    notifications = undefined;
    byId("orders-problem").textContent = sentenceOf(error);
  }
  const last = new Map((notifications ?? []).map((message) => [message.order_id, message]));
  const rows = [...last.values()]
    .reverse()
    .map(({ order_id, status, moment }) =>
      element("tr", { "data-key": order_id }, [
        cell("Order", link(`#order-${order_id}`, `Order ${order_id}`)),
        cell("Last status", status),
        cell("Time", time(moment)),
      ]),
    );
  update(byId("orders"), ...(rows.length > 0 ? rows : [note(3, "No orders yet.")]));
}

async function notificationsOf(user) {
  const found = [];
  const from = new Date(Date.now() - DAY_MS).toISOString();
  for (let page_token = ""; ; ) {
    const { document } = await ask("/shop/notifications", {
      method: "POST",
      body: { user, from, page_token },
    });
    found.push(...document.notifications);
    page_token = document.next_page_token;
    if (page_token === "") return found;
  }
}

/** Sends a command. If its outcome stays unknown, the same request is sent with the same key the next time. */
async function command(path, body) {
  const request = JSON.stringify([path, body]);
  const key = keys.get(request) ?? newKey();
  keys.set(request, key);
  try {
    const { document } = await ask(path, { method: "POST", body, key });
    keys.delete(request);
    return document;
  } catch (error) {
    if (error instanceof Refused && error.status < 500) keys.delete(request);
    throw error;
  }
}

/**
 * Does what a button asks for.
 * @param refresh shows the result, and which buttons can be pressed then; also after a refusal, whose reason may be that
 * the page is out of date.
 */
async function perform(pressed, work, refresh = async () => {}) {
  pressed.disabled = true;
  say("");
  try {
    await work();
  } catch (error) {
    complain(error);
  }
  pressed.disabled = false;
  if (!byId("shop").hidden) await refresh().catch(complain);
}

function complain(error) {
  if (error.status === 401) {
    const problem = token.read() === null ? "" : "Invalid token.";
    token.forget();
    return showSignIn(problem);
  }
  say(sentenceOf(error), "bad");
}

/** Says what went wrong, and whether another attempt makes sense. */
function sentenceOf(error) {
  if (error.status === 429) return "The shop is busy: too many calls at once. Try again in a moment.";
  const text = `${error.message.charAt(0).toUpperCase()}${error.message.slice(1)}.`;
  const isUnknown = !(error instanceof Refused) || error.status >= 500;
  return isUnknown ? `${text} It is safe to try again.` : text;
}

function say(text, className = "") {
  byId("answer").replaceChildren(element("p", { class: className }, [text]));
}

/** A screen reader would read an unchanged text again. */
function setText(id, text) {
  if (byId(id).textContent !== text) byId(id).textContent = text;
}

const note = (columns, text) => element("tr", {}, [element("td", { colspan: columns }, [text])]);
const userOfTab = () => sessionStorage.getItem("shop-user") ?? FIRST_USER;
const shownOrder = () => /^#order-(\d+)$/.exec(location.hash)?.[1];

byId("token-form").addEventListener("submit", (event) => {
  event.preventDefault();
  token.keep(byId("caller-token").value.trim());
  byId("caller-token").value = "";
  byId("caller-sign-in").hidden = true;
  start().catch(complain);
});
byId("user-form").addEventListener("submit", (event) => {
  event.preventDefault();
  sessionStorage.setItem("shop-user", byId("user").value.trim());
  say("");
  history.replaceState(null, "", location.pathname);
  start().catch(complain);
});
byId("more").addEventListener("click", () =>
  perform(byId("more"), async () => {
    byId("products").append(...(await nextProducts()));
    byId("more").hidden = nextSku === 0;
  }),
);
for (const [id, work, refresh] of [
  ["checkout", checkOut, () => Promise.all([showCart(), showProducts()])],
  ["clear", () => command("/cart/clear", { user: userOfTab() }), showCart],
  ["pay", () => change("pay", "payed"), () => Promise.all([showOrder(), showProducts()])],
  ["cancel", () => change("cancel", "cancelled"), () => Promise.all([showOrder(), showProducts()])],
])
  byId(id).addEventListener("click", () => perform(byId(id), work, refresh));
addEventListener("hashchange", async () => {
  await showOrder().catch(complain);
  byId("order-title").focus();
});
byId("sign-out").addEventListener("click", () => token.forget());

start().catch(complain);
