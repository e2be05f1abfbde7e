/** `npm run screenshots`: pages under the demo's load, into `docs/`. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Browser, Page } from "playwright-core";
import { command, exits, run } from "../../src/cli/command.ts";
import { KITS } from "../domains/index.ts";
import { makeLoad } from "../publisher/load.ts";
import { connectToHttp } from "../publisher/transport.ts";
import { launchBrowser } from "./browser.ts";
import { startServiceProcess } from "./service.ts";
import { startStack } from "./stack.ts";

const DOCS = fileURLToPath(new URL("../../docs", import.meta.url));
const [KIT] = KITS;
const { page, letter: makeLetter, commonPath } = KIT.pictures;
const say = (text: string) => process.stderr.write(`screenshots: ${text}\n`);

async function takeAll(): Promise<number> {
  await using started = new AsyncDisposableStack();
  const stack = started.use(await startStack("screenshots", say));
  const environment = { ...stack.environment, SOURCES: "http", PAYLOAD_BYTES_MAX: String(8 * 1024 * 1024) };
  const service = await startServiceProcess(environment, stack.folder);
  started.defer(() => service.child.end("SIGTERM"));
  const { url } = service;
  say("publishing");
  const { position, mend } = await publish(url);

  const browser = await launchBrowser();
  started.defer(() => browser.close());
  const shoot = async (
    name: string,
    path: string,
    prepare: (tab: Page) => Promise<unknown>,
    options = {},
  ) => {
    say(name);
    const tab = await openTab(browser, options);
    await tab.goto(`${url}${path}`);
    await prepare(tab);
    await tab.screenshot({ path: join(DOCS, `${name}.png`) });
    await tab.close();
  };
  const edit = async (tab: Page) => {
    await tab.fill("#author", "Ann");
    await tab.fill("#reason", "a number was meant");
    await tab.click("button:has-text('Edit')");
    await tab.waitForSelector("#verdict .bad");
    const text = await tab.inputValue("#edited");
    await tab.fill("#edited", mend(text));
    await tab.waitForSelector("#verdict .good");
    await tab.locator("#editor").scrollIntoViewIfNeeded();
  };
  const dryRun = async (tab: Page) => {
    await tab.click("#select-all");
    await tab.click("[data-action=redrive]");
    await tab.fill("#work-form [name=author]", "Ann");
    await tab.fill("#work-form [name=reason]", "the schema was mended");
    await tab.click("#try");
    await tab.waitForSelector("#work-result table");
    await tab.locator("#letters-title").evaluate((title) => title.scrollIntoView());
  };
  const isLive = (tab: Page) => tab.waitForSelector("#connection:has-text('live')");
  const hasGroups = (tab: Page) => tab.waitForSelector("#groups tbody tr");
  const hasPayload = (tab: Page) => tab.waitForSelector(".payload");
  await shoot(page.name, page.path, (tab) => tab.waitForSelector("[data-count=received]:not(:text-is('–'))"));
  const withCharts = async (tab: Page) => {
    await isLive(tab);
    // The charts must show changes.
    for (let round = 0; round < 8; round++)
      await Promise.all([publishSome(url, 150), tab.waitForTimeout(2_000)]);
  };
  await shoot("status", "/ui/status", withCharts, { viewport: { width: 1100, height: 1200 } });
  await shoot("dead-letters", "/ui/dead-letters", hasGroups);
  await shoot("dead-letters-dark-phone", "/ui/dead-letters", hasGroups, {
    viewport: { width: 400, height: 860 },
    colorScheme: "dark",
  });
  await shoot("dead-letter", `/ui/dead-letter?position=${position}`, hasPayload, {
    viewport: { width: 1100, height: 1300 },
  });
  await shoot("dead-letter-editor", `/ui/dead-letter?position=${position}`, edit, {
    viewport: { width: 1100, height: 1000 },
  });
  await shoot("dead-letter-list", `/ui/dead-letter-list?state=open&path=${commonPath}`, (tab) =>
    tab.waitForSelector("#letters tbody tr"),
  );
  await shoot("bulk-dry-run", `/ui/dead-letter-list?state=open&path=${commonPath}&limit=3`, dryRun);
  const bulk = await redriveMany(url);
  await shoot("bulk-redrive", `/ui/redrive?id=${bulk}`, (tab) => tab.waitForSelector("#status"));
  await shoot("api", "/docs", (tab) => tab.waitForSelector(".opblock"));
  return 0;
}

async function publishSome(url: string, count: number): Promise<void> {
  await using transport = connectToHttp(url, KIT.intake, undefined);
  const mix = { garbage: 0.1, duplicates: 0, conflicts: 0 };
  const load = makeLoad(KIT, KIT.createFactory(count + Date.now()), count, mix);
  for (const { payload } of load) await transport.publish(payload);
}

/** @returns an instructive dead letter, and how to correct its text. */
async function publish(url: string): Promise<{ position: string; mend: (text: string) => string }> {
  await using transport = connectToHttp(url, KIT.intake, undefined);
  const factory = KIT.createFactory(11);
  const mix = { garbage: 0.15, duplicates: 0.05, conflicts: 0.03 };
  for (const { payload } of makeLoad(KIT, factory, 600, mix)) await transport.publish(payload);
  const { payload: wrong, mend } = makeLetter(factory);
  const { path, headers = {}, body } = KIT.intake(wrong);
  const response = await fetch(`${url}${path}`, { method: "POST", headers, body: new Uint8Array(body) });
  const { position } = (await response.json()) as { position: string };
  await fetch(`${url}/messages/${position}?wait=10`);
  return { position, mend };
}

async function redriveMany(url: string): Promise<string> {
  const body = {
    filter: { path: commonPath },
    author: "Ann",
    reason: "the schema was mended",
    failures_max: 3,
  };
  const response = await fetch(`${url}/deadletters/redrive`, { method: "POST", body: JSON.stringify(body) });
  const { id } = (await response.json()) as { id: string };
  for (;;) {
    const bulk = (await (await fetch(`${url}/deadletters/redrives/${id}`)).json()) as { status: string };
    if (bulk.status !== "running") return id;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

function openTab(browser: Browser, options: object): Promise<Page> {
  return browser.newPage({
    viewport: { width: 1100, height: 800 },
    locale: "en-GB",
    timezoneId: "UTC",
    colorScheme: "light",
    ...options,
  });
}

await run(
  command("screenshots", "Writes pictures of the pages under the demo's load to docs/.").action(
    exits(takeAll),
  ),
);
