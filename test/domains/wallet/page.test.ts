/** In a real browser. */
import type { Page } from "playwright-core";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { launchBrowser } from "../../../tools/stack/browser.ts";
import { faultsOf, openTab } from "../../support/browser.ts";
import { createDatabase } from "../../support/database.ts";
import { WalletService } from "../../support/wallet/service.ts";

const database = await createDatabase();
const wallets = await WalletService.start(database);
const browser = await launchBrowser();
const page = suite("page of the wallet");

const open = () => openTab(browser, wallets.url, "/ui/wallet/");
const signIn = async (tab: Page, token: string) => {
  await tab.fill("#user-token", token);
  await tab.press("#user-token", "Enter");
};
const move = async (tab: Page, button: string, amount: string, currency = "USD") => {
  await tab.fill("#amount", amount);
  await tab.selectOption("#currency", currency);
  await tab.click(`#move button:has-text("${button}")`);
};
const cells = (tab: Page, body: string) =>
  tab
    .locator(`#${body} tr`)
    .evaluateAll((rows) =>
      rows.map((row) => [...(row as HTMLTableRowElement).cells].map((cell) => cell.textContent ?? "")),
    );

page("a user signs in with a token, deposits, withdraws, and sees balances and statement", async () => {
  const { tab, complaints } = await open();
  await tab.waitForSelector("#user-sign-in:not([hidden])");
  await signIn(tab, "wrong");
  await tab.waitForSelector("#user-problem:has-text('A valid token is required')");
  assert.not.ok(await tab.isVisible("#wallet"));
  await signIn(tab, await WalletService.tokenOf("ann"));
  await tab.waitForSelector("#connection:has-text('live')");
  assert.is(await tab.textContent("#user"), "ann");
  assert.is(await tab.textContent("#balances"), "Nothing yet.");

  await move(tab, "Deposit", "100.50");
  await tab.waitForSelector("#answer .good:has-text('Done. Available: 100.50 USD.')");
  assert.is(await tab.inputValue("#amount"), "");
  await move(tab, "Deposit", "1000", "JPY");
  await tab.waitForSelector("#answer .good:has-text('1000 JPY')");
  await move(tab, "Withdraw", "0.5");
  await tab.waitForSelector("#answer .good:has-text('Done. Available: 100.00 USD.')");
  await tab.waitForSelector("#balances tr:has-text('USD'):has-text('100.00')");
  assert.equal(await cells(tab, "balances"), [
    ["JPY", "1000", "0"],
    ["USD", "100.00", "0.00"],
  ]);
  await tab.waitForSelector("#entries tr:nth-child(3)");
  assert.equal(
    (await cells(tab, "entries")).map(([, ...rest]) => rest.map((text) => text.trim())),
    [
      ["withdraw", "succeeded", "-0.50 USD", "100.00 USD"],
      ["deposit", "succeeded", "1000 JPY", "1000 JPY"],
      ["deposit", "succeeded", "100.50 USD", "100.50 USD"],
    ],
  );
  assert.equal(await faultsOf(tab), []);
  assert.equal(complaints, []);
  await tab.close();
});

page("a page that cannot load says why, and loads when the user tries again", async () => {
  const { tab } = await open();
  await signIn(tab, await WalletService.tokenOf("retry"));
  await tab.waitForSelector("#connection:has-text('live')");
  await tab.route("**/wallet/currencies", (route) => route.abort());
  await tab.reload();
  await tab.waitForSelector("#answer [role=alert]:has-text('the service cannot be reached')");
  assert.not.ok(await tab.isVisible("#wallet"));
  await tab.unroute("**/wallet/currencies");
  await tab.click("#answer button:has-text('Try again')");
  await tab.waitForSelector("#wallet:not([hidden])");
  assert.is(await tab.textContent("#answer"), "");
  await tab.close();
});

page("a decline and a wrong amount are explained, and the next attempt is another command", async () => {
  const { tab, complaints } = await open();
  await signIn(tab, await WalletService.tokenOf("dora"));
  await wallets.deposit("dora", "5");
  await tab.waitForSelector("#balances tr:has-text('5.00')");
  await move(tab, "Withdraw", "6");
  await tab.waitForSelector(
    "#answer .bad:has-text('Declined: The available balance is too low. Available: 5.00 USD.')",
  );
  await move(tab, "Withdraw", "1.005");
  await tab.waitForSelector("#answer .bad:has-text('more decimals than the currency')");
  await move(tab, "Withdraw", "1e3");
  await tab.waitForSelector("#answer .bad:has-text('Amount must be a positive decimal')");
  await wallets.deposit("dora", "5");
  await tab.waitForSelector("#balances tr:has-text('10.00')");
  await move(tab, "Withdraw", "6");
  await tab.waitForSelector("#answer .good:has-text('Done. Available: 4.00 USD')");
  await tab.waitForSelector(
    "#entries tr:has-text('withdraw 6.00 USD'):has-text('declined: insufficient funds')",
  );
  assert.equal(complaints, []);
  await tab.close();
});

page("a request whose answer was lost is sent again with its key, and is done once", async () => {
  const { tab, complaints } = await open();
  await signIn(tab, await WalletService.tokenOf("luis"));
  await tab.waitForSelector("#wallet:not([hidden])");
  const keys: (string | undefined)[] = [];
  let lost = 0;
  await tab.route("**/wallet/deposits", async (route) => {
    keys.push(route.request().headers()["idempotency-key"]);
    const response = await route.fetch();
    if (lost++ === 0) return route.abort();
    return route.fulfill({ response });
  });
  await move(tab, "Deposit", "3");
  await tab.waitForSelector("#answer .bad:has-text('It is safe to send it again')");
  await move(tab, "Deposit", "3");
  await tab.waitForSelector("#answer .good:has-text('Done. Available: 3.00 USD')");
  await move(tab, "Deposit", "3");
  await tab.waitForSelector("#answer .good:has-text('Done. Available: 6.00 USD')");
  assert.is(keys[0], keys[1]);
  assert.is.not(keys[1], keys[2]);
  assert.equal(
    complaints.filter((one) => !one.includes("ERR_FAILED")),
    [],
  );
  await tab.close();
});

page("the token is gone with signing out, and no other tab has it", async () => {
  const { tab } = await open();
  await signIn(tab, await WalletService.tokenOf("sara"));
  await tab.waitForSelector("#wallet:not([hidden])");
  await tab.reload();
  await tab.waitForSelector("#wallet:not([hidden])");
  const second = await open();
  await second.tab.waitForSelector("#user-sign-in:not([hidden])");
  await tab.click("#sign-out");
  await tab.waitForSelector("#user-sign-in:not([hidden])");
  assert.is(await tab.evaluate("sessionStorage.length"), 0);
  await Promise.all([tab.close(), second.tab.close()]);
});

page("a name that looks like markup is shown as text", async () => {
  const { tab, complaints } = await open();
  const name = '<img/src="x"/onerror="alert(1)">';
  await wallets.deposit(name, "1");
  await wallets.post(name, "/wallet/transfers", { to: "mark", currency: "USD", amount: "1" });
  await signIn(tab, await WalletService.tokenOf("mark"));
  await tab.waitForSelector("#entries td:has-text('transfer from <img/src')");
  assert.is(await tab.locator("#entries img").count(), 0);
  assert.equal(complaints, []);
  await tab.close();
});

page.after(async () => {
  await browser.close();
  await wallets[Symbol.asyncDispose]();
  await database[Symbol.asyncDispose]();
});
page.run();
