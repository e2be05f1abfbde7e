/** The pages with two domains in one process: filters and rows name the domain. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Page } from "playwright-core";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { AnyDomain } from "../../src/contract/domain.ts";
import { DOMAINS } from "../../src/domains/index.ts";
import { launchBrowser } from "../../tools/stack/browser.ts";
import { faultsOf, openTab } from "../support/browser.ts";
import { createDatabase } from "../support/database.ts";
import { ledger } from "../support/ledger/index.ts";
import { entryOf } from "../support/ledger/messages.ts";
import { orderWith } from "../support/messages.ts";
import { startInProcess } from "../support/service.ts";
import { until } from "../support/wait.ts";

const folder = await mkdtemp(join(tmpdir(), "waybill-page-"));
await writeFile(
  join(folder, "index.html"),
  `<title>Ledger · Waybill</title>
<script type="module" src="/ui/ledger/page.js"></script>
<main id="main"><p id="said"></p></main>
`,
);
await writeFile(
  join(folder, "page.js"),
  `import { byId } from "/ui/dom.js";
import { showConnection } from "/ui/shell.js";
byId("said").textContent = "the page of the ledger runs";
showConnection("ready");
`,
);
const paged: AnyDomain = {
  ...ledger,
  open: async (context, settings) => {
    const service = await ledger.open?.(context, settings);
    assert.ok(service);
    return { ...service, page: { title: "Ledger <b>&amp;", folder: pathToFileURL(`${folder}/`) } };
  },
};
const database = await createDatabase(undefined, [ledger]);
const service = await startInProcess(database, { DOMAINS: "orders,ledger" }, [...DOMAINS, paged]);
const browser = await launchBrowser();
const pages = suite("pages of two domains");

const open = (path: string) => openTab(browser, service.url, path);
const post = async (path: string, body: Buffer) => {
  const response = await fetch(`${service.url}${path}`, { method: "POST", body: new Uint8Array(body) });
  const { position } = (await response.json()) as { position: string };
  const message = await fetch(`${service.url}/messages/${position}?wait=10`);
  return { position, outcome: ((await message.json()) as { outcome: string }).outcome };
};
const texts = (tab: Page, selector: string) => tab.locator(selector).allTextContents();

// Bytes that are not JSON have the same fingerprint in every domain.
const ordersLetter = await post("/orders", Buffer.from("not JSON"));
const ledgerLetters = [
  await post("/ledger/entries", Buffer.from("not JSON")),
  await post("/ledger/entries", Buffer.from("not JSON either")),
];
const mendable = await post("/orders", orderWith({ order_uid: "mended", sm_id: "ninety-nine" }));
await post("/ledger/entries", entryOf("entry", "account", 5));

pages("a domain adds its page with one page file and one script", async () => {
  assert.equal(
    [ordersLetter, ...ledgerLetters, mendable].map(({ outcome }) => outcome),
    ["dead", "dead", "dead", "dead"],
  );
  const { tab, complaints } = await open("/ui/ledger/");
  await tab.waitForSelector("#said:has-text('the page of the ledger runs')");
  await tab.waitForSelector("#connection:has-text('ready')");
  const titles = ["Orders", "Ledger <b>&amp;", "Status", "Dead letters", "Find", "Actions", "API"];
  assert.equal(await texts(tab, "nav a"), titles);
  assert.equal(await texts(tab, "nav a[aria-current=page]"), ["Ledger <b>&amp;"]);
  await tab.click("nav a:has-text('Orders')");
  await tab.waitForSelector("#newest");
  await tab.waitForSelector("[data-count=dead]:text-is('2')");
  assert.is(await tab.textContent("[data-count=received]"), "2");
  assert.equal(complaints, []);
  await tab.close();
});

pages("the status document counts each domain, source and cause by itself", async () => {
  type Counts = { domain: string; appended: number; projected: number; dead: number };
  const status = (await (await fetch(`${service.url}/status.json`)).json()) as {
    domains: (Counts & { append_seconds: { le: number | null; count: number }[] })[];
    sources: { domain: string; source: string; connected: boolean; appended: number }[];
    causes: { domain: string; code: string; letters: number }[];
  };
  assert.equal(
    status.domains.map(({ domain, appended, projected, dead }) => ({ domain, appended, projected, dead })),
    [
      { domain: "orders", appended: 2, projected: 0, dead: 2 },
      { domain: "ledger", appended: 3, projected: 1, dead: 2 },
    ],
  );
  assert.equal(
    status.domains.map(({ append_seconds }) => append_seconds.at(-1)),
    [
      { le: null, count: 2 },
      { le: null, count: 3 },
    ],
  );
  assert.equal(
    status.sources.map(({ domain, source, connected, appended }) => [domain, source, connected, appended]),
    [
      ["orders", "http", true, 2],
      ["ledger", "http", true, 3],
    ],
  );
  assert.equal(status.causes.map(({ domain, code, letters }) => `${domain} ${code} ${letters}`).sort(), [
    "ledger not_json 2",
    "orders not_json 1",
    "orders schema 1",
  ]);
});

pages("the status document says how much memory and processor time the process takes now", async () => {
  const read = async () => {
    const status = (await (await fetch(`${service.url}/status.json`)).json()) as {
      process: { cpu_seconds: number; resident_bytes: number };
    };
    return status.process;
  };
  const before = await read();
  assert.ok(before.resident_bytes > 10 * 1024 * 1024 && before.cpu_seconds > 0);
  await until("the processor time grows", async () => (await read()).cpu_seconds > before.cpu_seconds);
});

pages("the overview shows the groups of all domains or of the chosen one", async () => {
  const { tab, complaints } = await open("/ui/dead-letters");
  await tab.waitForSelector("#groups tbody tr:nth-child(3)");
  assert.equal((await texts(tab, "#groups td[data-name=Domain]")).sort(), ["ledger", "orders", "orders"]);
  assert.equal(await texts(tab, "#domain option"), ["all", "orders", "ledger"]);
  await tab.selectOption("#domain", "ledger");
  await tab.waitForSelector("[data-total=open]:text-is('2')");
  assert.equal(await texts(tab, "#groups td[data-name=Domain]"), ["ledger"]);
  assert.match(tab.url(), /\?domain=ledger$/);
  await tab.reload();
  await tab.waitForSelector("[data-total=open]:text-is('2')");
  assert.is(await tab.inputValue("#domain"), "ledger");
  // Groups are per domain, even if the fingerprint is the same.
  await tab.click("#groups td[data-name=Problem] a");
  await tab.waitForSelector("#letters tbody tr:nth-child(2)");
  assert.equal(await texts(tab, "#letters td[data-name=Domain]"), ["ledger", "ledger"]);
  assert.is(await tab.inputValue("#filter [name=domain]"), "ledger");
  assert.equal(complaints, []);
  await tab.close();
});

pages(
  "refused events follow the choice of the overview; their section stays if another domain has some",
  async () => {
    const { tab, complaints } = await open("/ui/dead-letters");
    await tab.waitForSelector("#groups tbody tr:nth-child(3)");
    await database.admin(`insert into outbox_refusals (domain, position, ordinal, topic, key, reason)
    values ('ledger', 2, 0, 'topic', 'key', 'TOO_LARGE')`);
    const row = "#refused-events td[data-name=Domain]:text-is('ledger')";
    await tab.waitForSelector(row);
    await tab.selectOption("#domain", "orders");
    await tab.waitForSelector("#refused-events p:text-is('No refused events of this domain.')");
    await tab.reload();
    await tab.waitForSelector("#refused-events p:text-is('No refused events of this domain.')");
    for (const domain of ["ledger", ""]) {
      await tab.selectOption("#domain", domain);
      await tab.waitForSelector(row);
    }
    await tab.selectOption("#domain", "orders");
    await tab.waitForSelector(row, { state: "detached" });
    await database.admin("delete from outbox_refusals");
    await tab.waitForSelector("#refused", { state: "hidden" });
    assert.equal(complaints, []);
    await tab.close();
  },
);

pages("a search is of all domains or of the chosen one, and the next search is of all again", async () => {
  const { tab, complaints } = await open("/ui/status");
  const search = async (text: string) => {
    await tab.fill("#search-text", text);
    await tab.press("#search-text", "Enter");
  };
  const choose = async (domain: string) => {
    await tab.selectOption("#filter [name=domain]", domain);
    await tab.click("#filter button");
  };
  await search("not JSON");
  await tab.waitForSelector("#found tbody tr:nth-child(3)");
  await choose("ledger");
  await tab.waitForURL("**/ui/search?q=not+JSON&domain=ledger");
  await tab.waitForSelector("#found tbody tr:nth-child(2)");
  assert.equal(await texts(tab, "#found td[data-name=Domain]"), ["ledger", "ledger"]);
  await tab.waitForSelector("#filter", { state: "visible" });
  assert.is(await tab.inputValue("#filter [name=domain]"), "ledger");
  assert.equal(await texts(tab, "#filter option"), ["all", "orders", "ledger"]);
  assert.equal(await faultsOf(tab), []);
  await choose("orders");
  await tab.waitForURL(`**/ui/message?position=${ordersLetter.position}`);
  await tab.goBack();
  await tab.waitForURL(/domain=ledger/);
  await search("nowhere");
  await tab.waitForURL("**/ui/search?q=nowhere");
  await tab.waitForSelector("#found [role=alert]:text-is('Nothing was found for “nowhere”.')");
  await choose("orders");
  await tab.waitForSelector("#found [role=alert]:text-is('Nothing was found for “nowhere” in orders.')");
  await choose("");
  await tab.waitForURL("**/ui/search?q=nowhere");
  assert.equal(complaints, []);
  await tab.close();
});

pages("shortcuts are those of the sheet, do nothing in a field, and can be switched off", async () => {
  const { tab, complaints } = await open("/ui/dead-letters");
  await tab.waitForSelector("#groups tbody tr:nth-child(3)");
  await tab.keyboard.press("/");
  await tab.keyboard.type("?gsj");
  assert.is(await tab.inputValue("#search-text"), "?gsj");
  await tab.evaluate(() => (document.activeElement as HTMLElement).blur());
  for (const [key, row] of Object.entries({ j: 1, jj: 3, k: 2 })) {
    await tab.keyboard.type(key);
    assert.is(await tab.evaluate(() => document.activeElement?.closest("tr")?.rowIndex), row, key);
  }
  await tab.keyboard.press("?");
  const listed = await tab.locator("#shortcuts dt").allTextContents();
  for (const keys of ["?", "/", "j", "k", "Enter", "go", "gs"])
    assert.ok(listed.includes(keys), `${keys} in ${listed}`);
  assert.equal(await faultsOf(tab), []);
  await tab.uncheck("#shortcuts input");
  const closed = () => tab.waitForSelector("#shortcuts", { state: "detached" });
  await tab.keyboard.press("Escape");
  await closed();
  await tab.keyboard.press("?");
  assert.is(await tab.locator("#shortcuts").count(), 0);
  const head = await tab.locator("header").boundingBox();
  assert.ok(head && head.height < 120, `on a phone the head is ${head?.height} pixels high`);
  await tab.click("#menu");
  await tab.click("#keyboard");
  await tab.check("#shortcuts input");
  await tab.click("#shortcuts button");
  await closed();
  await tab.keyboard.type("gs");
  await tab.waitForURL("**/ui/status");
  assert.equal(complaints, []);
  await tab.close();
});

pages("the list filters by domain, and a bulk redrive keeps the filter", async () => {
  const { tab, complaints } = await open("/ui/dead-letter-list?state=open");
  await tab.waitForSelector("#letters tbody tr:nth-child(4)");
  assert.equal(await texts(tab, "#letters td[data-name=Domain]"), ["orders", "ledger", "ledger", "orders"]);
  await tab.selectOption("#filter [name=domain]", "ledger");
  await tab.click("#filter button");
  await tab.waitForURL(/domain=ledger/);
  await tab.waitForSelector("#letters tbody tr:nth-child(2)");
  assert.equal(await texts(tab, "#letters td[data-name=Domain]"), ["ledger", "ledger"]);
  await tab.check("#select-page");
  await tab.click("[data-action=redrive]");
  await tab.fill("#work-form [name=author]", "Ann");
  await tab.fill("#work-form [name=reason]", "to see whose letters are tried");
  await tab.click("text=Dry run");
  await tab.waitForSelector("#work-result:has-text('2 letters: 0 would be processed')");
  assert.equal(await texts(tab, "#work-result td[data-name=Domain]"), ["ledger"]);
  // The page redrives nothing that fails again, but a command can.
  assert.ok(await tab.isDisabled("#run"));
  const begun = await fetch(`${service.url}/deadletters/redrive`, {
    method: "POST",
    body: JSON.stringify({ filter: { domain: "ledger" }, author: "Ann", reason: "to see them fail" }),
  });
  const { id } = (await begun.json()) as { id: string };
  await tab.goto(`${service.url}/ui/redrive?id=${id}`);
  await tab.waitForSelector("#status:has-text('Stopped: too many letters failed again')");
  assert.match((await tab.textContent("dl.facts")) ?? "", "Domainledger");
  await tab.goto(`${service.url}/ui/dead-letters?domain=orders`);
  await tab.waitForSelector("#bulks p:has-text('No bulk redrives.')");
  await tab.selectOption("#domain", "ledger");
  await tab.waitForSelector("#bulks td[data-name=Domain]:text-is('ledger')");
  assert.equal(complaints, []);
  await tab.close();
});

pages("the filter acts before the service has said which domains there are", async () => {
  const { tab, complaints } = await open("/ui/status");
  const asked = Promise.withResolvers<void>();
  await tab.route("**/status.json", async (route) => {
    await asked.promise;
    await route.continue();
  });
  await tab.goto(`${service.url}/ui/dead-letter-list?state=open&domain=ledger`);
  await tab.fill("#filter [name=channel]", "ledger");
  await tab.click("#filter button");
  await tab.waitForURL(/domain=ledger.*channel=ledger/);
  asked.resolve();
  await tab.waitForSelector("#letters tbody tr:nth-child(2)");
  assert.is(await tab.inputValue("#filter [name=domain]"), "ledger");
  assert.equal(complaints, []);
  await tab.close();
});

pages("a letter names its domain, and a redrive links to the page of what it became", async () => {
  const letter = await open(`/ui/dead-letter?position=${mendable.position}`);
  const { tab } = letter;
  await tab.waitForSelector("#facts dd:text-is('orders')");
  await tab.fill("#author", "Ann");
  await tab.click("button:has-text('Edit')");
  await tab.waitForSelector("#verdict .bad");
  await tab.fill("#edited", orderWith({ order_uid: "mended" }).toString());
  await tab.waitForSelector("#verdict .good");
  await tab.fill("#reason", "a number was meant");
  await tab.click("#redrive-edited");
  await tab.click("#redriven a:has-text('Open the result')");
  await tab.waitForURL("**/ui/orders/#order=mended");
  await tab.waitForSelector(".order:has-text('mended')");
  assert.equal(letter.complaints, []);
  await tab.close();
});

pages("the status page has a row for each domain, and names the domain of sources and causes", async () => {
  const { tab, complaints } = await open("/ui/status");
  await tab.waitForSelector("#domains tbody tr:nth-child(2)");
  assert.equal(await texts(tab, "#domains td[data-name=Domain]"), ["orders", "ledger"]);
  for (const domain of ["orders", "ledger"]) {
    const row = `tr:has(td[data-name=Domain]:text-is("${domain}"))`;
    await tab.waitForSelector(`#domains ${row}:has(td[data-name=Pending]:text-is("0"))`);
    await tab.waitForSelector(`#domains ${row}:has(td[data-name="Audit discrepancies"]:text-is("0"))`);
    await tab.waitForSelector(`#domains ${row}:has(td[data-name="Dead/s"]:text-is("0"))`);
    await tab.waitForSelector(`#sources ${row}:has(td[data-name=Connected]:text-is("yes"))`);
    await tab.waitForSelector(`#causes ${row} a[href*="domain=${domain}"]`);
    await tab.waitForSelector(`#newest ${row}`);
  }
  await tab.fill("#pauses-author", "ann");
  await tab.click("button[aria-label='Pause http of ledger']");
  assert.not(await tab.locator("#pauses .bad").count(), "a reason is required");
  await tab.fill("#pauses-reason", "a sender <b>is</b> broken");
  await tab.click("button[aria-label='Pause http of ledger']");
  await tab.waitForSelector("#pauses tr:has(span:text-is('paused')):has-text('a sender <b>is</b> broken')");
  await tab.waitForSelector("#ready li:has-text('ledger: source http is paused by an operator')");
  await tab.waitForSelector("#sources td[data-name=Connected]:text-is('paused')");
  await tab.click("button[aria-label='Resume http of ledger']");
  await tab.waitForSelector("#sources:not(:has-text('paused'))");
  assert.equal(complaints, []);
  await tab.close();
});

pages.after(async () => {
  await browser.close();
  await service[Symbol.asyncDispose]();
  await database[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});
pages.run();
