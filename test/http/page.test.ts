/** The pages in a real browser, with messages from a real broker. */
import type { Page } from "playwright-core";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { OrderFactory, toPayload } from "../../tools/domains/orders/factory.ts";
import { connectToBroker } from "../../tools/publisher/transport.ts";
import { launchBrowser } from "../../tools/stack/browser.ts";
import { openTab } from "../support/browser.ts";
import { checkIf } from "../support/check-if.ts";
import { createDatabase } from "../support/database.ts";
import { MODEL, orderWith } from "../support/messages.ts";
import { brokerEnvironment, startInProcess } from "../support/service.ts";
import { startJetStream } from "../support/sources.ts";

const ADMIN = "admin-token-0123456789";
const database = await createDatabase();
const names = brokerEnvironment();
const jetStream = await startJetStream();
const service = await startInProcess(database, {
  ...names,
  ...jetStream?.environment(),
  SOURCES: jetStream ? "nats-streaming,jetstream" : "nats-streaming",
  ADMIN_TOKEN: ADMIN,
});
const transport = await connectToBroker({
  url: names.NATS_URL as string,
  clusterId: "test-cluster",
  channel: names.STAN_CHANNEL as string,
});
const browser = await launchBrowser();
const page = suite("page");

const open = (path = "/", viewport?: { width: number; height: number }) =>
  openTab(browser, service.url, path, viewport);

async function signIn(tab: Page): Promise<void> {
  await tab.fill("#token", ADMIN);
  await tab.press("#token", "Enter");
  await tab.waitForSelector("#connection:has-text('live')");
}

page("signing in, then orders and counts arrive live", async () => {
  const { tab, complaints } = await open();
  await tab.waitForSelector("#sign-in:not([hidden])");
  await tab.fill("#token", "wrong");
  await tab.press("#token", "Enter");
  await tab.waitForSelector("text=Invalid token.");
  await signIn(tab);
  const order = new OrderFactory(1).next();
  await transport.publish(toPayload(order));
  await transport.publish(Buffer.from("garbage"));
  await tab.waitForSelector(`#newest button:has-text("${order.order_uid}")`);
  await tab.waitForFunction(() => document.querySelector('[data-count="dead"]')?.textContent === "1");
  assert.is(await tab.textContent('[data-count="received"]'), "2");
  assert.is(await tab.textContent('[data-count="pending"]'), "0");
  assert.equal(complaints, []);
  await tab.close();
});

page("the sign-in form takes the focus, but not from a field in use", async () => {
  const { tab } = await open();
  const focused = () => tab.evaluate(() => document.activeElement?.id);
  await tab.waitForSelector("#sign-in");
  assert.is(await focused(), "token");
  const answered = Promise.withResolvers<void>();
  await tab.route(/orders\?limit=/, async (route) => {
    await answered.promise;
    await route.continue();
  });
  await tab.reload();
  await tab.focus("#order-id");
  answered.resolve();
  await tab.waitForSelector("#sign-in");
  assert.is(await focused(), "order-id");
  await tab.close();
});

page("live orders keep the focus and the row in its place, and a button shows them", async () => {
  const { tab, complaints } = await open();
  await signIn(tab);
  await transport.publish(orderWith({ order_uid: "held" }));
  const row = tab.locator("#newest tr", { hasText: "held" });
  await row.locator("button").focus();
  const placeOf = async () => ({
    focus: await tab.evaluate(() => document.activeElement?.textContent),
    y: (await row.boundingBox())?.y,
    rows: await tab.locator("#newest tr").count(),
  });
  const before = await placeOf();
  assert.is(before.focus, "held");
  for (let index = 0; index < 12; index++) await transport.publish(orderWith({ order_uid: `new ${index}` }));
  const news = tab.locator(".news button");
  await news.filter({ hasText: /^12 new$/ }).waitFor();
  assert.equal(await placeOf(), before);
  await news.click();
  assert.equal(await tab.locator("#newest button").allTextContents(), [
    ...Array.from({ length: 12 }, (_none, index) => `new ${11 - index}`),
    "held",
    ...(await tab.locator("#newest tr:nth-child(n+14) button").allTextContents()),
  ]);
  assert.is(await tab.evaluate(() => document.activeElement?.textContent), "new 11");
  assert.is(await news.count(), 0);
  assert.equal(complaints, []);
  await tab.close();
});

page("each page says whether it is connected, and why it shows nothing", async () => {
  const { tab } = await open("/ui/dead-letters");
  const says = (text: string) => tab.waitForSelector(`#connection:text-is("${text}")`);
  await says("signed out");
  assert.equal(await tab.locator("main").getByText("Loading…").count(), 0);
  await tab.goto(`${service.url}/`);
  await signIn(tab);
  const refuse = "**/{readyz,orders?limit=*}";
  await tab.route(refuse, (route) => route.abort());
  await says("connection lost; reconnecting");
  await tab.reload();
  await tab.waitForSelector("#newest-problem [role=alert]:has-text('the service is unreachable')");
  const asked = tab.waitForRequest(/orders\?limit=/);
  await tab.click("button:has-text('Try again')");
  await asked;
  await tab.unroute(refuse);
  // The page also tries by itself when its events are back, and then the button is gone.
  await tab.click("button:has-text('Try again')", { timeout: 5_000 }).catch(() => {});
  await tab.waitForSelector("#newest tr");
  assert.is(await tab.locator("#newest-problem > *").count(), 0);
  await says("live");
  const json = { status: "not ready", reasons: ["no database"], domains: {} };
  await tab.route("**/readyz", (route) => route.fulfill({ status: 503, json }));
  await says("the service is not ready: no database");
  await tab.close();
});

page("an order is shown as a person reads one, with amounts in the minor unit of its currency", async () => {
  for (const [currency, total] of [
    ["USD", "$18.17"],
    ["JPY", "¥1,817"],
    ["KWD", "KWD 1.817"],
  ] as const) {
    const payment = { ...MODEL.payment, currency };
    await transport.publish(orderWith({ order_uid: `in ${currency}`, payment }));
    const { tab, complaints } = await open();
    await tab.fill("#order-id", `in ${currency}`);
    await tab.waitForFunction(
      async (id) => (await fetch(`/orders/${encodeURIComponent(id)}`)).ok,
      `in ${currency}`,
    );
    await tab.press("#order-id", "Enter");
    await tab.waitForSelector(".order");
    const text = ((await tab.textContent(".order")) ?? "").replaceAll("\u00a0", " ");
    for (const part of [
      total,
      "Test Testov",
      "Ploshad Mira 15",
      "2639809 Kiryat Mozkin",
      "Mascaras",
      "Vivienne Sabo",
    ]) {
      assert.ok(text.includes(part), `${part} is missing in: ${text}`);
    }
    await tab.click("summary");
    assert.is(await tab.textContent("pre"), orderWith({ order_uid: `in ${currency}`, payment }).toString());
    assert.match(tab.url(), /#order=in%20/);
    assert.equal(complaints, []);
    await tab.close();
  }
});

page("an order is shown whatever its id is", async () => {
  await transport.publish(orderWith({ order_uid: ".." }));
  const { tab, complaints } = await open();
  await tab.waitForFunction(async () => (await fetch("/orders?id=..")).ok);
  await tab.fill("#order-id", "..");
  await tab.press("#order-id", "Enter");
  await tab.waitForSelector(".order[aria-label='Order ..']");
  assert.equal(complaints, []);
  await tab.close();
});

page("the status page shows the figures live, in charts and in words, and leads to the letters", async () => {
  const { tab, complaints } = await open("/ui/status");
  await tab.waitForSelector("#connection:has-text('live')");
  await tab.waitForSelector("#ready .good:has-text('The service is ready.')");
  await transport.publish(Buffer.from("not an order at all"));
  await tab.fill("#token", ADMIN);
  await tab.press("#token", "Enter");
  await tab.waitForSelector("#newest a[href^='/ui/message?position=']");
  await tab.waitForSelector(
    "#causes a[href*='fingerprint=']:text-is('not_json: the document: expected a JSON value')",
  );
  assert.is(await tab.locator("#charts canvas").count(), 6);
  await tab.waitForSelector('#charts [aria-label^="Pending messages: pending 0"]');
  await tab.waitForSelector('#charts [aria-label^="Messages/s: stored "]');
  const figures = await tab.textContent("#figures");
  for (const figure of ["Database connectedyes", "Audit discrepancies0"]) {
    assert.ok(figures?.includes(figure), `${figure} in ${figures}`);
  }
  const href = await tab.getAttribute("#newest a", "href");
  await tab.click("#newest a");
  await tab.waitForURL(`**${href}`);
  assert.equal(complaints, []);
  await tab.close();

  const phone = await open("/ui/status", { width: 360, height: 740 });
  await phone.tab.waitForSelector("#connection:has-text('live')");
  assert.ok(await phone.tab.evaluate(() => document.documentElement.scrollWidth <= innerWidth));
  assert.equal(phone.complaints, []);
  await phone.tab.close();
});

const withJetStream = checkIf(jetStream, page);
withJetStream(
  "each source has a row that says whether it is connected and what waits at its broker",
  async () => {
    const { tab, complaints } = await open("/ui/status");
    const rowOf = (source: string, connected: string) =>
      tab.waitForSelector(
        `#sources tr:has(td:text-is("${source}")):has(td[data-name=Connected]:has-text("${connected}"))`,
      );
    await rowOf("nats-streaming", "yes");
    await rowOf("jetstream", "yes");
    const waiting = async (source: string) =>
      await tab.textContent(`#sources tr:has(td:text-is("${source}")) td[data-name="Broker lag"]`);
    assert.equal([await waiting("nats-streaming"), await waiting("jetstream")], ["–", "0"]);
    await jetStream?.stop("SIGKILL");
    await rowOf("jetstream", "no");
    await tab.waitForSelector('#ready li:has-text("source jetstream is not connected")');
    await tab.waitForSelector('#connection:has-text("source jetstream is not connected")');
    await rowOf("nats-streaming", "yes");
    await jetStream?.start();
    await rowOf("jetstream", "yes");
    await tab.waitForSelector("#ready .good");
    assert.ok(
      complaints.every((complaint) => complaint.includes("503")),
      complaints.join("\n"),
    );
    await tab.close();
  },
);

page("nothing that an order holds is run or fetched", async () => {
  const hostile =
    '<img src="http://elsewhere.invalid/x" onerror="window.pwned=1"><script>window.pwned=1</script>"\'>';
  const delivery = Object.fromEntries(Object.keys(MODEL.delivery).map((name) => [name, hostile]));
  const items = [{ ...MODEL.items[0], name: hostile, brand: hostile }];
  const id = "<b>bold</b>";
  await transport.publish(
    orderWith({ order_uid: id, delivery, items, customer_id: hostile, track_number: hostile }),
  );
  const { tab, complaints } = await open();
  await signIn(tab);
  await tab.waitForSelector(`#newest button:has-text("${id}")`);
  await tab.click(`#newest button:has-text("${id}")`);
  await tab.waitForSelector(".order");
  assert.ok((await tab.textContent(".order"))?.includes("onerror"));
  assert.is(await tab.evaluate(() => "pwned" in window), false);
  assert.is(await tab.locator(".order img, .order script, .order b").count(), 0);
  assert.equal(complaints, []);
  await tab.close();
});

page("unknown and impossible ids are explained", async () => {
  const { tab } = await open("/#order=unknown");
  await tab.waitForSelector("text=there is no order with this id");
  await tab.fill("#order-id", "x".repeat(200));
  await tab.press("#order-id", "Enter");
  await tab.waitForSelector("text=an order id has 1 to 128 characters");
  await tab.close();
});

page("at phone width nothing sticks out, and everything can be reached by keyboard", async () => {
  const { tab } = await open("/#order=in%20USD", { width: 360, height: 740 });
  await tab.waitForSelector(".order");
  const overflow = await tab.evaluate(
    () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
  );
  assert.is(overflow, 0);
  await tab.evaluate(() => document.body.focus());
  const reached = new Set<string>();
  for (let presses = 0; presses < 24; presses++) {
    await tab.keyboard.press("Tab");
    reached.add(
      await tab.evaluate(() => document.activeElement?.id || document.activeElement?.tagName || ""),
    );
  }
  for (const target of ["token", "order-id", "SUMMARY"])
    assert.ok(reached.has(target), `${target} not in ${[...reached]}`);
  await tab.close();
});

page("every page has the same shell, and the navigation marks where the reader is", async () => {
  const entries = (await (await fetch(`${service.url}/pages.json`)).json()) as {
    title: string;
    path: string;
    domain?: string;
  }[];
  assert.equal(entries[0], { title: "Orders", path: "/ui/orders/", domain: "orders" });
  assert.equal(
    entries.slice(1).map(({ title }) => title),
    ["Status", "Dead letters", "Find", "Actions", "API"],
  );
  const current: Record<string, string[]> = {
    "/": ["Orders"],
    "/ui/orders/": ["Orders"],
    "/ui/orders": ["Orders"],
    "/ui/orders/index.html": ["Orders"],
    "/ui/status": ["Status"],
    "/ui/dead-letters": ["Dead letters"],
    "/ui/dead-letter-list": ["Find"],
    "/ui/dead-letter?position=1": [],
    "/ui/redrive?id=1": [],
  };
  for (const [path, titles] of Object.entries(current)) {
    const { tab, complaints } = await open(path);
    const links = await tab
      .locator("nav a")
      .evaluateAll((all) => all.map((link) => link.getAttribute("href")));
    assert.equal(
      links,
      entries.map((entry) => entry.path),
      path,
    );
    assert.equal(await tab.locator("nav a[aria-current=page]").allTextContents(), titles, path);
    assert.match(await tab.title(), /^\S.* · Waybill$/, path);
    for (const part of ["a.skip", "#connection[role=status]", "#sign-out", "main#main"])
      assert.is(await tab.locator(part).count(), 1, `${part} of ${path}`);
    assert.equal(complaints, [], path);
    await tab.close();
  }
});

page("nothing outside the folders of the pages is served, and a page has the headers of a file", async () => {
  for (const path of [
    "/ui/nothing",
    "/ui/nothing/",
    "/ui/nothing/page.js",
    "/ui/orders/nothing",
    "/ui/orders/nothing.js",
    "/ui/orders/..%2f..%2fwallet",
    "/ui/orders/..%2findex.ts",
    "/ui/orders/%2e%2e%2findex.ts",
    "/ui/orders/..%252findex.ts",
    "/ui/..%2fpage.ts",
    "/ui/orders/..%2f..%2f..%2fhttp%2fui%2fstatus",
    "/ui/%2e%2e/page.ts",
    "/ui/orders/%00",
  ]) {
    const response = await fetch(`${service.url}${path}`);
    assert.ok([400, 404].includes(response.status), `${path}: ${response.status}`);
    assert.is(response.headers.get("content-type"), "application/problem+json", path);
  }
  const headersOf = async (path: string) => {
    const { status, headers } = await fetch(`${service.url}${path}`);
    assert.is(status, 200, path);
    return ["content-security-policy", "cache-control", "referrer-policy", "x-content-type-options"].map(
      (name) => headers.get(name),
    );
  };
  const [first, ...others] = await Promise.all(
    ["/", "/ui/orders/", "/ui/orders/page.js", "/ui/status", "/ui/page.css"].map(headersOf),
  );
  assert.ok(first?.every(Boolean));
  for (const headers of others) assert.equal(headers, first);
});

page("the policy forbids what is inline", async () => {
  const response = await fetch(`${service.url}/`);
  const policy = response.headers.get("content-security-policy") ?? "";
  assert.match(policy, "default-src 'none'");
  assert.not.match(policy, "unsafe");
  const known = { "if-none-match": response.headers.get("etag") as string };
  const unchanged = await fetch(`${service.url}/`, { headers: known });
  assert.equal([unchanged.status, unchanged.headers.get("content-security-policy")], [304, policy]);
  const { tab, complaints } = await open();
  await tab.evaluate(() => {
    const script = document.createElement("script");
    script.textContent = "window.inline = 1";
    document.body.append(script);
  });
  assert.is(await tab.evaluate(() => "inline" in window), false);
  assert.match(complaints.join(), "Content Security Policy");
  await tab.close();
});

page.after(async () => {
  await browser.close();
  await transport[Symbol.asyncDispose]();
  await service[Symbol.asyncDispose]();
  await jetStream?.stop("SIGKILL");
  await database[Symbol.asyncDispose]();
});
page.run();
