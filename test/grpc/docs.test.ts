/** The pages of the API document: a person calls a procedure with them. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { launchBrowser } from "../../tools/stack/browser.ts";
import { faultsOf, openTab } from "../support/browser.ts";
import { createDatabase } from "../support/database.ts";
import { echoDomain } from "../support/echo/echo.ts";
import { ledger } from "../support/ledger/index.ts";
import { startInProcess } from "../support/service.ts";

const INGRESS = "ingress-token-0123456789";
const docs = suite("Swagger UI");
const database = await createDatabase(undefined, [ledger]);
const service = await startInProcess(database, { DOMAINS: "ledger", INGRESS_TOKEN: INGRESS }, [echoDomain()]);
const browser = await launchBrowser();

docs("it calls a procedure with the token that is entered", async () => {
  const { tab, complaints } = await openTab(browser, service.url, "/docs");
  await tab.getByRole("button", { name: "Authorize" }).first().click();
  const ingress = tab.locator(".auth-container", { hasText: "INGRESS_TOKEN" });
  await ingress.locator("input").fill(INGRESS);
  await ingress.getByRole("button", { name: /apply credentials|authorize/i }).click();
  await tab.locator(".btn-done").first().click();
  const operation = tab.locator("#operations-ledger-post_echo_say");
  await operation.locator(".opblock-summary-control").click();
  await operation.getByRole("button", { name: "Try it out" }).click();
  await operation.locator("textarea").first().fill('{"text": "from a page"}');
  await operation.getByRole("button", { name: "Execute" }).click();
  const answer = operation.locator(".live-responses-table .response").first();
  await answer.locator(".response-col_status", { hasText: "200" }).waitFor();
  assert.match((await answer.innerText()).replaceAll(/\s+/g, " "), /"text": "from a page"/);
  assert.equal(await tab.locator("nav a[aria-current=page]").allTextContents(), ["API"]);
  // With an operation, its form and its answer open.
  assert.equal(await faultsOf(tab), []);
  assert.equal(complaints, []);
  await tab.close();
});

docs.after(async () => {
  await browser.close();
  await service[Symbol.asyncDispose]();
  await database[Symbol.asyncDispose]();
});
docs.run();
