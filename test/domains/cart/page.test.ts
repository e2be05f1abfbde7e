/** The shop page in a real browser, with all services of the marketplace in one process that calls itself over gRPC. */
import type { Page } from "playwright-core";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { cart } from "../../../src/domains/cart/index.ts";
import { loms } from "../../../src/domains/loms/index.ts";
import { notifications } from "../../../src/domains/notifications/index.ts";
import { product } from "../../../src/domains/product/index.ts";
import { launchBrowser } from "../../../tools/stack/browser.ts";
import { freePort } from "../../../tools/stack/ports.ts";
import { faultsOf, openTab } from "../../support/browser.ts";
import { createDatabase } from "../../support/database.ts";
import { startInProcess } from "../../support/service.ts";
import { until } from "../../support/wait.ts";

const page = suite("page of the shop");
const DOMAINS = [cart, loms, notifications, product];
const TOKEN = "testtoken";
const started = new AsyncDisposableStack();
const database = started.use(await createDatabase());
const grpcPort = await freePort();
const self = `http://127.0.0.1:${grpcPort}`;
const service = started.use(
  await startInProcess(
    database,
    {
      DOMAINS: DOMAINS.map(({ name }) => name).join(),
      GRPC_PORT: String(grpcPort),
      INGRESS_TOKEN: TOKEN,
      CART_PRODUCT_URL: self,
      CART_LOMS_URL: self,
      CART_NOTIFICATIONS_URL: self,
    },
    DOMAINS,
  ),
);
const browser = await launchBrowser();
started.defer(() => browser.close());

const HOSTILE = `<img src=x onerror="alert('a product')">`;
let users = 100;

async function post(path: string, body: object, headers: Record<string, string> = {}) {
  const response = await fetch(`${service.url}${path}`, {
    method: "POST",
    headers: { authorization: `Bearer ${TOKEN}`, "content-type": "application/json", ...headers },
    body: JSON.stringify(body),
  });
  assert.ok(response.ok, await response.clone().text());
  return (await response.json()) as Record<string, unknown>;
}

/** A tab of a new user, signed in. */
async function open() {
  users += 1;
  const user = String(users);
  const { tab, complaints } = await openTab(browser, service.url, "/ui/cart/");
  await tab.waitForSelector("#caller-sign-in:not([hidden])");
  await tab.fill("#caller-token", TOKEN);
  await tab.press("#caller-token", "Enter");
  await tab.waitForSelector("#shop:not([hidden])");
  await tab.fill("#user", user);
  await tab.press("#user", "Enter");
  await tab.waitForSelector(`#connection:has-text('user ${user}')`);
  return { tab, complaints, user };
}

/** Puts pieces of a product into the cart. */
async function add(tab: Page, sku: number, count: number) {
  await tab.fill(`#products tr[data-sku="${sku}"] input`, String(count));
  await tab.click(`#products tr[data-sku="${sku}"] button`);
}

const texts = (tab: Page, rows: string) =>
  tab
    .locator(rows)
    .evaluateAll((all) =>
      all.map((row) => [...(row as HTMLTableRowElement).cells].map((cell) => cell.textContent ?? "")),
    );
/** Sequence, status and notification of each change of the order. */
const changes = async (tab: Page) =>
  (await texts(tab, "#changes tr")).map(([sequence, status, , notification]) =>
    [sequence, status, notification].join(" "),
  );
const stockOf = async (tab: Page, sku: number) => {
  const [[, , stock] = []] = await texts(tab, `#products tr[data-sku="${sku}"]`);
  return stock;
};
const orderIn = (tab: Page) => /#order-(\d+)$/.exec(tab.url())?.[1] as string;

/** The events that loms has written for an order, as Kafka would bring them. */
async function deliverEvents(order: string) {
  const { rows } = await database.query(
    "select position, ordinal, headers, payload from outbox where key = $1 order by position, ordinal",
    [order],
  );
  for (const { position, ordinal, headers, payload } of rows)
    await post("/notifications/events", JSON.parse(payload.toString()), {
      "message-id": `loms/${position}/${ordinal}`,
      sequence: headers.sequence,
    });
}

page.before(async () => {
  await post("/product/commands", { id: "hostile", type: "product.put", sku: 1003, name: HOSTILE, price: 5 });
  await until("catalogue, stocks and the changed product are there", async () => {
    const response = await fetch(`${service.url}/shop/products`, {
      headers: { authorization: `Bearer ${TOKEN}` },
    });
    return response.ok && (await response.text()).includes("onerror");
  });
});

page("a user lists, adds, checks out, pays, and sees each change with its notification", async () => {
  const { tab, complaints, user } = await open();
  assert.equal((await texts(tab, "#products tr:first-child"))[0]?.slice(0, 3), [
    "Handmade Plastic Bacon",
    "6,116",
    "180",
  ]);
  assert.is(await tab.isDisabled("#checkout"), true);
  await add(tab, 1002, 2);
  await tab.waitForSelector("#answer .good:has-text('2 × Handmade Plastic Bacon added to the cart.')");
  await add(tab, 1004, 1);
  await tab.waitForSelector("#cart tr:nth-child(2)");
  assert.equal(
    (await texts(tab, "#cart tr")).map((cells) => cells.slice(0, 4)),
    [
      ["Handmade Plastic Bacon", "2", "6,116", "12,232"],
      ["Handcrafted Marble Gloves", "1", "13,736", "13,736"],
    ],
  );
  assert.is(await tab.textContent("#total"), "25,968");
  await tab.click("#cart tr[data-sku='1004'] button");
  await tab.waitForSelector("#total:has-text('12,232')");

  await tab.click("#checkout");
  await tab.waitForSelector("#order-status:has-text('awaiting payment')");
  await tab.waitForSelector("#cart:has-text('The cart is empty.')");
  const order = orderIn(tab);
  assert.is(await tab.textContent("#order-title"), `Order ${order}`);
  assert.is(await tab.textContent("#order-items"), "2 × SKU 1002");
  await until("the stock is the new one", async () => (await stockOf(tab, 1002)) === "178");
  assert.equal(await changes(tab), ["1 new not yet", "2 awaiting payment not yet"]);

  await tab.click("#pay");
  await tab.waitForSelector(`#answer .good:has-text('Order ${order} is payed.')`);
  await tab.waitForSelector("#order-status:has-text('payed')");
  assert.ok((await tab.isDisabled("#pay")) && (await tab.isDisabled("#cancel")));
  await deliverEvents(order);
  await until("the notifications are shown without a click", async () =>
    (await changes(tab)).every((text) => text.endsWith("received")),
  );
  assert.equal(await changes(tab), ["1 new received", "2 awaiting payment received", "3 payed received"]);
  assert.equal(
    (await texts(tab, "#orders tr")).map(([name, status]) => [name, status]),
    [[`Order ${order}`, "payed"]],
  );
  assert.not.match(tab.url(), user);
  assert.equal(await faultsOf(tab), []);
  assert.equal(complaints, []);
  await tab.close();
});

page("a cancelled order frees its stock, and stays after the page is loaded again", async () => {
  const { tab, complaints } = await open();
  await add(tab, 1005, 3);
  await tab.waitForSelector("#cart tr[data-sku='1005']");
  await tab.click("#checkout");
  await tab.waitForSelector("#order-status:has-text('awaiting payment')");
  await until("the pieces are reserved", async () => (await stockOf(tab, 1005)) === "297");
  await tab.click("#cancel");
  await tab.waitForSelector("#order-status:has-text('cancelled')");
  await until("the pieces are free", async () => (await stockOf(tab, 1005)) === "300");
  await tab.reload();
  await tab.waitForSelector("#order-status:has-text('cancelled')");
  assert.equal(complaints, []);
  await tab.close();
});

page("refusals are explained, and the page shows what is true then", async () => {
  const { tab, complaints, user } = await open();
  await add(tab, 1002, 9_999);
  await tab.waitForSelector("#answer .bad:has-text('The stock does not cover what the cart would hold.')");
  await add(tab, 1002, 1);
  await tab.waitForSelector("#cart tr[data-sku='1002']");
  // Another tab checks out first.
  await post("/cart/checkout", { user });
  await tab.click("#checkout");
  await tab.waitForSelector("#answer .bad:has-text('The cart is empty.')");
  await tab.waitForSelector("#cart:has-text('The cart is empty.')");
  await tab.goto(`${service.url}/ui/cart/#order-999999`);
  await tab.waitForSelector("#answer .bad:has-text('There is no such order.')");
  assert.is(await stockOf(tab, 2872321), "sold out");
  assert.ok(await tab.isDisabled("#products tr[data-sku='2872321'] button"));
  assert.equal(complaints, []);
  await tab.close();
});

page("a request whose answer was lost is sent again with its key, and takes effect once", async () => {
  const { tab, complaints } = await open();
  const keys: (string | undefined)[] = [];
  await tab.route("**/cart/item/add", async (route) => {
    keys.push(route.request().headers()["idempotency-key"]);
    const response = await route.fetch();
    return keys.length === 1 ? route.abort() : route.fulfill({ response });
  });
  await add(tab, 1004, 2);
  await tab.waitForSelector("#answer .bad:has-text('It is safe to try again.')");
  await add(tab, 1004, 2);
  await tab.waitForSelector("#answer .good");
  assert.equal((await texts(tab, "#cart tr"))[0]?.[1], "2");
  await add(tab, 1004, 2);
  await until("the next one is another command", async () => (await texts(tab, "#cart tr"))[0]?.[1] === "4");
  assert.is(keys[0], keys[1]);
  assert.is.not(keys[1], keys[2]);
  assert.equal(
    complaints.filter((complaint) => !complaint.includes("ERR_FAILED")),
    [],
  );
  await tab.close();
});

page("a product whose name looks like markup is shown as text", async () => {
  const { tab, complaints } = await open();
  await add(tab, 1003, 1);
  await tab.waitForSelector("#cart tr[data-sku='1003']");
  for (const row of ["#products tr[data-sku='1003']", "#cart tr[data-sku='1003']"])
    assert.is((await texts(tab, row))[0]?.[0], HOSTILE);
  assert.ok((await tab.textContent("#answer"))?.includes(HOSTILE));
  assert.is(await tab.locator("main img").count(), 0);
  assert.equal(complaints, []);
  await tab.close();
});

page("a wrong token is refused, and signing out forgets the token", async () => {
  const { tab } = await openTab(browser, service.url, "/ui/cart/");
  await tab.waitForSelector("#caller-sign-in:not([hidden])");
  assert.is(await tab.textContent("#token-problem"), "");
  await tab.fill("#caller-token", "wrong");
  await tab.press("#caller-token", "Enter");
  await tab.waitForSelector("#token-problem:has-text('Invalid token.')");
  assert.not.ok(await tab.isVisible("#shop"));
  await tab.fill("#caller-token", TOKEN);
  await tab.press("#caller-token", "Enter");
  await tab.waitForSelector("#shop:not([hidden])");
  await tab.click("#sign-out");
  await tab.waitForSelector("#caller-sign-in:not([hidden])");
  assert.is(await tab.evaluate("sessionStorage.getItem('shop-token')"), null);
  await tab.close();
});

page.after(() => started[Symbol.asyncDispose]());
page.run();
