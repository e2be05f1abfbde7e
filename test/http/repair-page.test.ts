/** The page that repairs many dead letters, in a real browser. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { launchBrowser } from "../../tools/stack/browser.ts";
import { faultsOf, openTab } from "../support/browser.ts";
import { createDatabase } from "../support/database.ts";
import { MODEL, orderWith } from "../support/messages.ts";
import { startInProcess } from "../support/service.ts";

const database = await createDatabase();
const service = await startInProcess(database);
const browser = await launchBrowser();
const pages = suite("page of repairs");

async function bury(...payloads: Buffer[]): Promise<void> {
  for (const payload of payloads) {
    const sent = { method: "POST", body: payload as BodyInit };
    const { position } = (await (await fetch(`${service.url}/orders`, sent)).json()) as { position: string };
    await fetch(`${service.url}/messages/${position}?wait=10`);
  }
}

/** Orders and letters of another cause, one after the other, until it is disposed. */
function flowOfEvents(): AsyncDisposable {
  let isFlowing = true;
  const flowing = (async () => {
    for (let number = 1; isFlowing; number++)
      await bury(orderWith({ order_uid: `flowing ${number}` }), orderWith({ locale: number }));
  })();
  return {
    [Symbol.asyncDispose]: () => {
      isFlowing = false;
      return flowing;
    },
  };
}

pages("many letters are repaired by the keyboard alone, while events flow", async () => {
  const amount = (uid: string, value: unknown) =>
    orderWith({ order_uid: uid, payment: { ...MODEL.payment, amount: value } });
  await bury(amount("repaired 1", "12"), amount("repaired 2", "12"), amount("left open", "12,50"));
  const { deadletters } = (await (await fetch(`${service.url}/deadletters`)).json()) as {
    deadletters: { fingerprint: string }[];
  };
  await using _flow = flowOfEvents();
  const { tab, complaints } = await openTab(browser, service.url, "/ui/dead-letters");
  const focus = async (selector: string) => {
    for (let presses = 0; presses < 80; presses++) {
      if (await tab.evaluate((wanted) => document.activeElement?.matches(wanted), selector)) return;
      await tab.keyboard.press("Tab");
    }
    assert.unreachable(`${selector} was not reached`);
  };
  const repairAll = `#groups a[href^="/ui/repair"][href*="${deadletters[0]?.fingerprint}"]`;
  await tab.waitForSelector(repairAll);
  // The group of what flows came meanwhile.
  await tab.waitForSelector("#groups tr:has-text('/locale')");
  await focus(repairAll);
  await tab.keyboard.press("Enter");
  await tab.waitForSelector("#verdict:has-text('2 of 3 samples would be processed')");
  assert.is(await tab.inputValue(".step input"), "/payment/amount");
  assert.equal(await tab.locator("#samples ins").allTextContents(), [
    '+     "amount": 12,',
    '+     "amount": 12,',
  ]);
  // Without a letter that would pass there is nothing to run.
  await focus(".step input");
  await tab.keyboard.type("/none");
  await tab.waitForSelector("#verdict:has-text('0 of 3 samples')");
  await focus("#try");
  await tab.keyboard.press("Enter");
  await tab.waitForSelector("#run-result:has-text('0 would be processed')");
  assert.ok(await tab.isDisabled("#run"));
  assert.is(await tab.getAttribute("#run", "class"), "secondary");

  await focus(".step button");
  await tab.keyboard.press("Enter");
  await focus("#add-step");
  await tab.keyboard.press("Enter");
  await focus(".step input");
  await tab.keyboard.type("/payment/amount");
  await tab.waitForSelector("#verdict:has-text('2 of 3 samples would be processed')");
  await focus("#run-form [name=author]");
  await tab.keyboard.type("Bob");
  await focus("#run-form [name=reason]");
  await tab.keyboard.type("amounts are numbers");
  await focus("#try");
  await tab.keyboard.press("Space");
  await tab.waitForSelector("#run-result:has-text('2 would be processed') td:has-text('12,50')");
  assert.equal(await faultsOf(tab), []);
  await focus("#run.primary");
  await tab.keyboard.press("Enter");
  await tab.waitForURL(/\/ui\/redrive\?id=/);
  await tab.waitForSelector("#status:has-text('Finished')");
  assert.match((await tab.textContent("#redrive")) ?? "", /3 of 3.*Processed2.*Left open.*1.*"op":"cast"/s);
  assert.is((await fetch(`${service.url}/orders/repaired%201`)).status, 200);
  assert.equal(complaints, []);
  await tab.close();
});

pages.after(async () => {
  await browser.close();
  await service[Symbol.asyncDispose]();
  await database[Symbol.asyncDispose]();
});
pages.run();
