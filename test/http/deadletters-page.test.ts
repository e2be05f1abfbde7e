/** The pages of dead letters in a real browser, with messages from a real broker. */
import type { Page } from "playwright-core";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { connectToBroker } from "../../tools/publisher/transport.ts";
import { launchBrowser } from "../../tools/stack/browser.ts";
import { faultsOf, openTab } from "../support/browser.ts";
import { createDatabase } from "../support/database.ts";
import { MODEL, orderWith } from "../support/messages.ts";
import { auditOf, brokerEnvironment, startInProcess } from "../support/service.ts";
import { until } from "../support/wait.ts";

const database = await createDatabase();
const names = brokerEnvironment();
const service = await startInProcess(database, { ...names, SOURCES: "nats-streaming" });
const transport = await connectToBroker({
  url: names.NATS_URL as string,
  clusterId: "test-cluster",
  channel: names.STAN_CHANNEL as string,
});
const browser = await launchBrowser();
const pages = suite("pages of dead letters");

const open = (path: string, viewport?: { width: number; height: number }) =>
  openTab(browser, service.url, path, viewport);

/** Publishes and waits for the outcome. @returns the position of the newest dead letter. */
async function bury(...payloads: (Buffer | string)[]): Promise<string> {
  const { dead } = await auditOf(service.url);
  for (const payload of payloads) await transport.publish(Buffer.from(payload as string));
  await until("they are dead", async () => (await auditOf(service.url)).dead === dead + payloads.length);
  const response = await fetch(`${service.url}/deadletters?limit=1`);
  const { deadletters } = (await response.json()) as { deadletters: { position: string }[] };
  return deadletters[0]?.position as string;
}

async function isWithoutOverflow(tab: Page): Promise<boolean> {
  return tab.evaluate(() => document.documentElement.scrollWidth <= document.documentElement.clientWidth);
}

pages("from a group to a letter, edited until it is right, redriven, and its result opens", async () => {
  await bury(orderWith({ order_uid: "mended on the page", sm_id: "ninety-nine" }));
  const { tab, complaints } = await open("/ui/dead-letters");
  await tab.click("#groups a:text-is('schema: /sm_id: expected a number, received text \"ninety-nine\"')");
  await tab.waitForURL(/fingerprint=/);
  await tab.click("#letters td[data-name=Position] a");
  await tab.waitForSelector("mark:has-text('\"ninety-nine\"')");
  assert.match((await tab.textContent("#problems")) ?? "", "/sm_id");
  assert.not.match((await tab.textContent("#payload")) ?? "", MODEL.delivery.phone);

  await tab.fill("#author", "Ann");
  await tab.click("button:has-text('Edit')");
  await tab.waitForSelector("#verdict .bad");
  assert.match((await tab.inputValue("#edited")) ?? "", MODEL.delivery.phone);
  assert.ok(await tab.isDisabled("#redrive-edited"));
  // The problem links to its range in the text.
  await tab.click("#verdict button.link");
  const chosen = await tab.evaluate(() => {
    const area = document.querySelector("textarea") as HTMLTextAreaElement;
    return area.value.slice(area.selectionStart, area.selectionEnd);
  });
  assert.is(chosen, '"ninety-nine"');
  await tab.keyboard.type("99");
  await tab.waitForSelector("#verdict .good:has-text('would be accepted')");
  assert.match((await tab.textContent("#difference ins")) ?? "", '"sm_id": 99');
  await tab.fill("#reason", "a number was meant");
  await tab.click("#redrive-edited");
  await tab.waitForSelector("#redriven:has-text('projected')");
  assert.match((await tab.textContent("#history")) ?? "", "redrive by Ann: a number was meant");
  await tab.click("#redriven a:has-text('Open the result')");
  await tab.waitForSelector(".order:has-text('mended on the page')");
  assert.equal(complaints, []);
  await tab.close();
});

pages("what is typed is checked while one types, as JSON too", async () => {
  const position = await bury(orderWith({ order_uid: "typed", locale: 4 }));
  const { tab, complaints } = await open(`/ui/dead-letter?position=${position}`);
  await tab.fill("#author", "Ann");
  await tab.click("button:has-text('Edit')");
  await tab.waitForSelector("#verdict .bad:has-text('schema')");
  await tab.fill("#edited", '{"order_uid": "typed",}');
  await tab.waitForSelector("#verdict .bad:has-text('not_json')");
  await tab.fill("#edited", orderWith({ order_uid: "typed" }).toString());
  await tab.waitForSelector("#verdict .good");
  await tab.fill("#edited", orderWith({ order_uid: "mended on the page", sm_id: 3 }).toString());
  await tab.waitForSelector("#verdict .bad:has-text('conflict')");
  assert.equal(complaints, []);
  await tab.close();
});

pages(
  "a payload is laid out, its problems beside the values, folded and copied by the keyboard",
  async () => {
    const newest = await bury(
      orderWith({ order_uid: "laid out 1", sm_id: "x", oof_shard: 7 }),
      orderWith({ order_uid: "laid out 2", sm_id: "x", oof_shard: 7 }),
      orderWith({ order_uid: "laid out 3", sm_id: "x", oof_shard: 7 }),
    );
    const { tab, complaints } = await open("/ui/dead-letter-list?state=open&path=/oof_shard");
    await tab.context().grantPermissions(["clipboard-read", "clipboard-write"]);
    await tab.click("#letters td[data-name=Position] a");
    await tab.waitForSelector("#neighbours:has-text('1 of 3')");
    const faults = await tab.locator("[role=tree] .fault").allTextContents();
    assert.equal(
      faults.map((text) => text.slice(0, 3)),
      ["✗ a", "✗ a"],
    );
    const item = tab.locator("[role=treeitem]:has(> .line .json-name:text-is('\"items\"'))");
    assert.match((await item.textContent()) ?? "", MODEL.items[0]?.name as string);
    assert.not.match((await tab.textContent("#payload")) ?? "", MODEL.delivery.name);

    await item.locator("> .line").first().click();
    const clipboard = () => tab.evaluate(() => navigator.clipboard.readText());
    const press = async (...keys: string[]) => {
      for (const key of keys) await tab.keyboard.press(key);
    };
    await press("ArrowLeft");
    assert.is(await item.getAttribute("aria-expanded"), "false");
    assert.ok(await item.locator("> [role=group]").isHidden());
    await press("ArrowRight", "ArrowDown", "ArrowDown", "Shift+C");
    await tab.waitForSelector(".path:has-text('was copied')");
    assert.is(await clipboard(), "/items/0/chrt_id");
    await press("ArrowDown", "c");
    await until("the value is copied", async () => (await clipboard()) === MODEL.items[0]?.track_number);
    // The problem leads to its place, folded or not.
    await item.locator("> .line").first().click();
    await press("Home", "ArrowLeft");
    await tab.click("#problems button:has-text('/oof_shard')");
    await tab.waitForSelector("[role=treeitem]:focus mark:has-text('7')");
    await tab.click("text=Raw");
    await tab.waitForSelector('pre.payload:has-text(\'{"order_uid":"laid out 3"\')');
    await tab.click("text=Raw");

    await tab.waitForSelector("[role=tree]");
    await press("n");
    await tab.waitForSelector("#neighbours:has-text('2 of 3')");
    await press("n");
    await tab.waitForSelector("#neighbours:has-text('3 of 3')");
    assert.is(await tab.locator("#neighbours a[rel=next]").count(), 0);
    await press("p");
    await tab.waitForSelector("#neighbours:has-text('2 of 3')");
    assert.match(tab.url(), `position=${BigInt(newest) - 1n}&state=open&path=`);
    assert.equal(complaints, []);
    await tab.close();
  },
);

pages("a large payload opens at its problem, folded around it; the rest is loaded on request", async () => {
  const items = Array.from({ length: 4_000 }, (_none, index) => ({ ...MODEL.items[0], chrt_id: index }));
  const wrong = items.with(2_000, { ...items[2_000], price: "free" } as never);
  const position = await bury(orderWith({ order_uid: "large", items: wrong }));
  const { tab, complaints } = await open(`/ui/dead-letter?position=${position}`);
  const isInView = () =>
    tab.evaluate(() => {
      const box = document.querySelector("[role=tree]")?.getBoundingClientRect();
      const fault = document.querySelector(".fault")?.getBoundingClientRect();
      return box && fault && fault.top >= box.top && fault.bottom <= box.bottom;
    });
  await tab.waitForSelector(".left-out:has-text('are shown')");
  await until("the problem is in view", isInView);
  const rows = await tab.locator("[role=treeitem]").count();
  assert.ok(rows < 1_000, String(rows));
  await tab.click("text=Load from the start");
  await tab.waitForSelector("#payload:not(:has(.left-out))");
  await until("the problem is in view", isInView);
  assert.match((await tab.textContent("[role=tree]")) ?? "", /"large".*⋯ [\d,]+ more.*"free"/s);
  const before = await tab.locator("[role=treeitem]").count();
  await tab.click(".gap >> nth=0");
  await until("more rows are shown", async () => (await tab.locator("[role=treeitem]").count()) > before);
  assert.equal(complaints, []);
  await tab.close();
});

pages("a conflict stands beside its first message, the differing members marked", async () => {
  const changed = { ...MODEL.delivery, name: "Nobody Else" };
  await transport.publish(orderWith({ order_uid: "conflicting" }));
  const position = await bury(orderWith({ order_uid: "conflicting", delivery: changed, locale: "de" }));
  const { tab, complaints } = await open(`/ui/dead-letter?position=${position}`);
  await tab.waitForSelector("#conflict .diff");
  const marked = async (name: string) => tab.locator(`#conflict ${name}`).allTextContents();
  assert.match((await marked("del")).join(), /"name": "•+".*"locale": "en"/s);
  assert.match((await marked("ins")).join(), /"name": "•+".*"locale": "de"/s);
  assert.not.match((await tab.textContent("main")) ?? "", /Nobody Else/);
  assert.equal(await faultsOf(tab), []);
  assert.equal(complaints, []);
  await tab.close();
});

pages("letters are ticked, discarded, restored, redriven after a dry run, and exported", async () => {
  const first = BigInt(await bury("not of this list")) + 1n;
  await bury(
    ...Array.from({ length: 31 }, (_none, index) => orderWith({ order_uid: `many ${index}`, entry: null })),
  );
  // As if a release had corrected the schema for one of them.
  await database.admin("alter table inbox disable trigger inbox_append_only");
  const valid = orderWith({ order_uid: "many valid" });
  await database.admin("update inbox set payload = $2 where position = $1", [first, valid]);
  await database.admin("alter table inbox enable trigger inbox_append_only");

  const list = "/ui/dead-letter-list?state=open&path=/entry";
  const { tab, complaints } = await open(list);
  await tab.waitForSelector("#count:text-is('31 of 31 letters')");
  const box = (row: number) => tab.locator(`#letters tbody tr:nth-child(${row}) input`);
  assert.ok(await tab.isDisabled("[data-action=discard]"));
  await box(2).click();
  await box(5).click({ modifiers: ["Shift"] });
  await tab.waitForSelector("#selected:text-is('4 selected')");
  await tab.keyboard.press("Space");
  await tab.waitForSelector("#selected:text-is('3 selected')");
  assert.ok(await box(5).evaluate((focused) => focused === document.activeElement));
  assert.ok(await tab.isDisabled("[data-action=restore]"));
  const exported = await tab.getAttribute("#export-csv", "href");
  const csv = await (await fetch(`${service.url}${exported}`)).text();
  assert.is(csv.trimEnd().split("\r\n").length, 4);

  await tab.click("[data-action=discard]");
  await tab.waitForSelector("#work-text:has-text('3 letters will be discarded')");
  assert.equal(await faultsOf(tab), []);
  await tab.setViewportSize({ width: 1100, height: 900 });
  await tab.fill("#work-form [name=author]", "Ann");
  await tab.fill("#work-form [name=reason]", "not needed");
  await tab.click("#run.danger:text-is('Discard 3 letters')");
  await tab.waitForSelector("#done:has-text('3 letters discarded.')");
  await tab.waitForSelector("#count:text-is('28 of 28 letters')");
  await tab.waitForSelector("#selected:text-is('0 selected')");

  // Without one that passes, a dry run offers no redrive.
  await box(1).click();
  await tab.click("[data-action=redrive]");
  await tab.click("#try");
  await tab.waitForSelector("#no-use");
  assert.ok(await tab.isDisabled("#run"));
  await tab.click("#dismiss");

  await tab.click("#select-page");
  await tab.click("[data-action=redrive]");
  await tab.fill("#work-form [name=reason]", "to see them fail");
  await tab.fill("#work-form [name=failures_max]", "5");
  await tab.click("#try");
  await tab.waitForSelector(
    "#work-result:has-text('28 letters: 1 would be processed, 0 duplicates, 0 conflicts, 27 would fail again')",
  );
  await tab.click("#run:text-is('Redrive 28 letters')");
  await tab.waitForURL(/\/ui\/redrive\?id=/);
  await tab.waitForSelector("#status:has-text('Stopped: too many letters failed again')");
  assert.match((await tab.textContent("#redrive")) ?? "", /11 of 28/);
  await tab.click("text=All bulk work");
  await tab.waitForSelector("#redrive tr:has-text('redrive'):has-text('stopped')");
  assert.equal(await faultsOf(tab), []);
  await tab.setViewportSize({ width: 1100, height: 900 });
  await tab.click("#redrive tr:has-text('discard') a");
  await tab.waitForSelector("#redrive-title:text-matches('Bulk discard \\\\d+')");
  assert.match((await tab.textContent("#redrive")) ?? "", /3 of 3.*Ann.*not needed/s);

  // All that match, also those on other pages.
  await tab.goto(`${service.url}/ui/dead-letter-list?path=/entry&state=discarded&limit=2`);
  await tab.click("#select-all:text-is('Select all 3 that match')");
  await tab.waitForSelector("#selected:text-is('All 3 selected')");
  assert.ok(await tab.isDisabled("[data-action=discard]"));
  await tab.click("[data-action=restore]");
  await tab.fill("#work-form [name=reason]", "needed after all");
  await tab.click("#run:text-is('Restore 3 letters')");
  await tab.waitForSelector("#done:has-text('3 letters reopened.')");
  await tab.waitForSelector("#letters:has-text('No matching letters.')");

  await tab.goto(`${service.url}/ui/dead-letters`);
  await tab.waitForSelector("#bulks td:has-text('stopped')");
  await tab.waitForSelector(".came-back");
  assert.equal(complaints, []);
  await tab.close();
});

pages("discarded and restored, with who and why, by the keyboard alone", async () => {
  const position = await bury("by keyboard");
  const { tab, complaints } = await open(`/ui/dead-letter?position=${position}`);
  await tab.waitForSelector("button:has-text('Discard')");
  const press = async (label: string) => {
    for (let presses = 0; presses < 60; presses++) {
      await tab.keyboard.press("Tab");
      const text = await tab.evaluate(
        () => document.activeElement?.id || document.activeElement?.textContent || "",
      );
      if (text === label) return;
    }
    assert.unreachable(`${label} was not reached`);
  };
  await press("author");
  await tab.keyboard.type("Bob");
  await press("reason");
  await tab.keyboard.type("no use");
  await press("Discard");
  await tab.keyboard.press("Enter");
  await tab.waitForSelector("#state:has-text('discarded')");
  await press("Restore");
  await tab.keyboard.press("Space");
  await tab.waitForSelector("#state:has-text('open')");
  assert.match((await tab.textContent("#history")) ?? "", /discard by Bob: no use.*restore by Bob/s);
  assert.equal(complaints, []);
  await tab.close();
});

pages("whatever a payload is, it is shown and nothing of it runs, loads or steers", async () => {
  const tag = '<script>window.pwned=1</script>"><img src=x onerror="window.pwned=1"><svg/onload=alert(1)>';
  const line = `{"fill":"${"x".repeat(1024 * 1024 - 100)}","broken":`;
  const hostile: [Buffer | string, RegExp][] = [
    [tag, /onerror/],
    [orderWith({ order_uid: tag, locale: [tag], entry: { [tag]: 1 } }), /onerror/],
    [`{"${tag}": 1, "${tag}": 2}`, /onerror/],
    ["\u001b]0;pwned\u0007\u001b[31mred", /\\u001b\[31m/],
    [orderWith({ locale: 1, entry: "\u202egnp.exe\u2066" }), /\\u202egnp\.exe/],
    [line, /x{1000}/],
    [Buffer.from([0xff, 0xfe, 0x00, 0x1b, 0x3c, 0x73]), /00000000 {2}ff fe 00 1b 3c 73/],
    [`=cmd|' /C calc'!A0 javascript:alert(1)`, /javascript:alert/],
  ];
  const { tab, complaints } = await open("/ui/status");
  const nothingRan = async (where: string) => {
    assert.is(await tab.evaluate(() => "pwned" in window), false, where);
    assert.is(await tab.locator("main img, main script, main svg svg").count(), 0, where);
    assert.equal(complaints, [], where);
  };
  const positions: string[] = [];
  for (const [payload, shown] of hostile) {
    const position = await bury(payload);
    positions.push(position);
    await tab.goto(`${service.url}/ui/dead-letter?position=${position}`);
    await tab.waitForSelector(".payload");
    const text = (await tab.textContent("#payload")) ?? "";
    assert.match(text, shown);
    assert.not.match((await tab.textContent("main")) ?? "", /[\u202a-\u202e\u2066-\u2069]|[^\P{Cc}\s]/u);
    if (payload !== line) {
      await tab.fill("#author", "Ann");
      await tab.click("text=Reveal personal data");
      await tab.waitForSelector("#history:has-text('reveal by Ann')");
    }
    await nothingRan(`the letter ${text.slice(0, 100)}`);
  }
  await tab.goto(`${service.url}/ui/dead-letter-list`);
  for (const position of positions)
    await tab.waitForSelector(`#letters td[data-name=Position] a:text-is("${position}")`);
  await nothingRan("the list");
  await tab.goto(`${service.url}/ui/dead-letters`);
  await tab.waitForSelector("#groups tbody tr");
  await nothingRan("the groups");
  await tab.close();
});

pages("each page is accessible in both schemes, and nothing sticks out on a phone", async () => {
  const position = await bury(orderWith({ order_uid: "narrow", items: [{}] }));
  const paths = [
    "/ui/status",
    "/ui/dead-letters",
    `/ui/dead-letter?position=${position}`,
    "/ui/redrive?id=1",
  ];
  const { tab, complaints } = await open("/");
  await tab.waitForSelector("#newest tr");
  assert.equal(await faultsOf(tab), [], "/");
  for (const path of paths) {
    await tab.setViewportSize({ width: 1100, height: 900 });
    await tab.goto(`${service.url}${path}`);
    await tab.waitForSelector("main td:visible, main dl.facts dd");
    assert.equal(await faultsOf(tab), [], path);
    await tab.setViewportSize({ width: 360, height: 740 });
    assert.ok(await isWithoutOverflow(tab), path);
  }
  // The tests above check both with more on them.
  for (const path of ["/ui/dead-letter-list", "/ui/redrive"]) {
    await tab.goto(`${service.url}${path}`);
    await tab.waitForSelector("main td:visible");
    assert.ok(await isWithoutOverflow(tab), path);
  }
  assert.equal(complaints, []);
  await tab.close();
});

pages("filters that cannot be meant, letters that are not there: the page says so", async () => {
  const { tab } = await open("/ui/dead-letter-list?path=items");
  await tab.waitForSelector("[role=alert]:has-text('path must be a JSON pointer')");
  await tab.goto(`${service.url}/ui/dead-letter?position=99999999`);
  await tab.waitForSelector("[role=alert]:has-text('there is no dead letter')");
  await tab.close();
});

pages.after(async () => {
  await browser.close();
  await transport[Symbol.asyncDispose]();
  await service[Symbol.asyncDispose]();
  await database[Symbol.asyncDispose]();
});
pages.run();
