/** The rest of the live pages, and all pages while the service is down and when it is back, in a real browser. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { launchBrowser } from "../../tools/stack/browser.ts";
import { checkPlaces, startLivePages } from "../support/live-pages.ts";

const started = new AsyncDisposableStack();
const browser = await launchBrowser();
started.defer(() => browser.close());
const live = started.use(await startLivePages(browser));
const check = suite("live pages, long");

await checkPlaces(check, live, ({ isLong }) => isLong === true);

/** These follow nothing, but have the line that says whether the service is there. */
const STILL_PAGES = [
  "/ui/dead-letter-list",
  `/ui/dead-letter?position=${live.letter}`,
  "/ui/actions",
  "/ui/search?q=the+first",
  "/docs",
];

check("each page says that the service is down, recovers by itself, and shows no problem then", async () => {
  const pages = Object.values(live.pages).map(({ path, focus }) => ({ path, focus }));
  const shown = [...new Map(pages.map((page) => [page.path, page])).values()];
  const tabs = await Promise.all(
    [...shown, ...STILL_PAGES.map((path) => ({ path, focus: "header a" }))].map(async (page) => ({
      path: page.path,
      tab: (await live.open(page)).tab,
    })),
  );
  // A paused source is a problem that the pages show, too.
  await live.resume();
  await live.stop();
  for (const { tab } of tabs)
    await tab.waitForSelector("#connection.lost:has-text('connection lost; reconnecting')");
  await live.release();
  await live.startAgain();
  for (const { tab } of tabs) {
    await tab.waitForSelector("#connection:not(.lost)");
    await tab.waitForFunction(() =>
      [...document.querySelectorAll("main [role=alert]")].every((alert) => alert.textContent === ""),
    );
  }
  const [orders] = tabs.filter(({ path }) => path === "/");
  assert.ok(orders);
  await live.order("after the restart");
  await orders.tab.waitForSelector("#newest button:text-is('after the restart'), .news button");
});

check.after(() => started[Symbol.asyncDispose]());
check.run();
