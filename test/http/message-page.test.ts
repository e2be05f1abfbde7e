/** The page of a message, and the search that leads to it, in a real browser. */
import type { Page } from "playwright-core";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Message } from "../../src/contract/message.ts";
import { launchBrowser } from "../../tools/stack/browser.ts";
import { faultsOf, openTab } from "../support/browser.ts";
import { createDatabase } from "../support/database.ts";
import { appendAll } from "../support/engine.ts";
import { MODEL, messageOf, orderWith } from "../support/messages.ts";
import { startInProcess } from "../support/service.ts";

const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
const database = await createDatabase();
const service = await startInProcess(database, {
  TRACE_URL: "http://traces.example/trace/{trace_id}",
});
const browser = await launchBrowser();
const pages = suite("page of a message");

/** Posts a message and waits for its outcome. @returns its position. */
async function post(payload: Buffer | string, headers: Record<string, string> = {}): Promise<string> {
  const sent = { method: "POST", body: payload as BodyInit, headers };
  const { position } = (await (await fetch(`${service.url}/orders`, sent)).json()) as { position: string };
  await fetch(`${service.url}/messages/${position}?wait=10`);
  return position;
}

/** Appends as a broker's source does, without a wake-up. */
async function append(orderUid: string, change: Partial<Message>): Promise<string> {
  const { receipts } = await appendAll(database, [messageOf(orderWith({ order_uid: orderUid }), change)]);
  return String(receipts[0]?.position);
}

async function search(tab: Page, text: string): Promise<void> {
  await tab.fill("#search-text", text);
  await tab.press("#search-text", "Enter");
}

pages("each identifier leads to its message in one step, from any page", async () => {
  const traceparent = `00-${TRACE}-00f067aa0ba902b7-01`;
  const kafka = { source: "kafka", channel: "orders", messageId: "4711/0/3/topic-id/cluster-id" };
  const offset = await append("by offset", kafka);
  const stan = { source: "nats-streaming", messageId: "900001-1700000000000000001" };
  const sequence = await append("by sequence", stan);
  const order = await post(orderWith({ order_uid: "found by its id" }), {
    "idempotency-key": "key of a caller",
    traceparent,
  });
  const dead = await post(orderWith({ order_uid: "never an order", sm_id: "x" }));
  const letter = await fetch(`${service.url}/deadletters/${dead}`);
  const { fingerprint } = (await letter.json()) as { fingerprint: string };

  const { tab, complaints } = await openTab(browser, service.url, "/ui/status");
  for (const [text, position] of [
    [order, order],
    ["found by its id", order],
    ["key of a caller", order],
    [TRACE, order],
    [traceparent, order],
    ["orders/3/4711", offset],
    ["3/4711", offset],
    [kafka.messageId, offset],
    ["900001", sequence],
    ["never an order", dead],
  ] as const) {
    await search(tab, text);
    await tab.waitForURL(`**/ui/message?position=${position}`);
    await tab.waitForSelector(`#message-title:text-is("Message ${position}")`);
    await tab.waitForSelector("#outcome");
  }
  await search(tab, fingerprint);
  await tab.waitForURL(`**/ui/dead-letter-list?fingerprint=${fingerprint}&domain=orders`);

  const conflict = await post(orderWith({ order_uid: "found by its id", locale: "de" }));
  await search(tab, "found by its id");
  await tab.waitForSelector(`#found a[href="/ui/message?position=${conflict}"]`);
  assert.is(await tab.evaluate(() => document.activeElement?.textContent), `position ${order}`);
  assert.equal(await faultsOf(tab), []);
  await search(tab, "<b>nowhere</b>");
  await tab.waitForSelector("[role=alert]:has-text('Nothing was found for “<b>nowhere</b>”.')");
  assert.match((await tab.textContent("#found")) ?? "", /trace id of 32 hexadecimal digits/);
  assert.equal(await faultsOf(tab), []);
  assert.not(await tab.isVisible("#filter"), "there is one domain");
  assert.equal(complaints, []);
  await tab.close();
});

pages(
  "an order leads to its message, and the message to what it made, its trace and its neighbours",
  async () => {
    const { tab, complaints } = await openTab(
      browser,
      service.url,
      "/ui/orders/#order=found%20by%20its%20id",
    );
    await tab.click(".order a:has-text('message')");
    await tab.waitForSelector("#outcome:text-is('Processed')");
    assert.is(
      await tab.getAttribute("#facts a:has-text('4bf9')", "href"),
      `http://traces.example/trace/${TRACE}`,
    );
    assert.not.match((await tab.textContent("#payload")) ?? "", MODEL.delivery.phone);
    await tab.fill("#author", "Ann");
    await tab.click("text=Reveal personal data");
    await tab.waitForSelector("#timeline li:has-text('revealed by Ann')");
    await tab.waitForSelector(`#payload:has-text("${MODEL.delivery.phone}")`);
    assert.equal(await faultsOf(tab), []);
    await tab.click("#neighbours a:has-text('Next')");
    await tab.waitForSelector("#outcome:text-is('Dead')");
    assert.match((await tab.textContent("#facts")) ?? "", /schema: \/sm_id – expected a/);
    assert.equal(await faultsOf(tab), []);
    await tab.click("#facts a:has-text('repair or discard')");
    await tab.waitForSelector("#state:text-is('open')");
    await tab.click("text=The message and its timeline");
    await tab.waitForSelector("#message-title");
    await tab.goto(`${service.url}/ui/message?position=99999999`);
    await tab.waitForSelector("[role=alert]:has-text('there is no message at this position')");
    assert.equal(complaints, []);
    await tab.close();
  },
);

pages("a pending message, and a redrive, show their outcome by themselves", async () => {
  const position = await append("shown live", {});
  const { tab, complaints } = await openTab(browser, service.url, `/ui/message?position=${position}`);
  await tab.waitForSelector("#outcome:text-is('Pending')");
  await post("wakes the projector");
  await tab.waitForSelector("#outcome:text-is('Processed')");

  const dead = await post("not an order");
  const body = JSON.stringify({ author: "Ann", reason: "again" });
  const headers = { "content-type": "application/json" };
  const redriven = await fetch(`${service.url}/deadletters/${dead}/redrive`, {
    method: "POST",
    headers,
    body,
  });
  const { redrive_position: redrive } = (await redriven.json()) as { redrive_position: string };
  await tab.goto(`${service.url}/ui/message?position=${dead}`);
  await tab.waitForSelector(`#timeline li:has-text('redriven by Ann: again → position ${redrive}: dead')`);
  await tab.click(`#facts a:has-text('position ${redrive}: dead')`);
  await tab.waitForSelector(
    `#timeline li:has-text('appended to the inbox as a redrive of position ${dead}')`,
  );
  assert.equal(complaints, []);
  await tab.close();
});

pages.after(async () => {
  await browser.close();
  await service[Symbol.asyncDispose]();
  await database[Symbol.asyncDispose]();
});
pages.run();
