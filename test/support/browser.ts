/** Tabs of a real browser that collect errors, and the check of a page's accessibility. */
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import type { RunOptions } from "axe-core";
import type { Browser, Page } from "playwright-core";
import { SECONDS_MAX } from "./wait.ts";

/** Opens a page and collects errors, dialogs, and requests to other origins. @param origin of the service. */
export async function openTab(
  browser: Browser,
  origin: string,
  path: string,
  viewport = { width: 1100, height: 900 },
): Promise<{ tab: Page; complaints: string[] }> {
  const tab = await browser.newPage({ viewport, locale: "en-US", timezoneId: "UTC" });
  tab.setDefaultTimeout(SECONDS_MAX * 1000);
  const complaints: string[] = [];
  tab.on("console", (message) => {
    // The browser logs answers that the page explains itself: 4xx, and that the service is not ready.
    const isExplained = /status of 4\d\d/.test(message.text()) || message.location().url.endsWith("/readyz");
    if (message.type() === "error" && !isExplained) complaints.push(message.text());
  });
  tab.on("pageerror", (error) => complaints.push(error.message));
  tab.on("dialog", (dialog) => {
    complaints.push(`a dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  tab.on("request", (request) => {
    const url = request.url();
    if (!url.startsWith(origin) && !url.startsWith("data:")) complaints.push(`request to ${url}`);
  });
  await tab.goto(`${origin}${path}`);
  return { tab, complaints };
}

/**
 * Runs axe on the page in both colour schemes, and measures at phone width whether the page scrolls sideways.
 * @returns what is wrong; the tab stays at phone width.
 */
export async function faultsOf(tab: Page): Promise<string[]> {
  const faults: string[] = [];
  const check = async (name: string, options: RunOptions) => {
    if (!(await tab.evaluate(() => "axe" in window))) await tab.evaluate(await axe());
    for (const { id, nodes } of await tab.evaluate(violations, options))
      for (const node of nodes) faults.push(`${name}: ${id} at ${node}`);
  };
  await tab.emulateMedia({ colorScheme: "light" });
  await check("light", {});
  await tab.setViewportSize({ width: 390, height: 800 });
  await tab.emulateMedia({ colorScheme: "dark" });
  // The other rules judge the same elements again.
  await check("dark phone", { runOnly: ["color-contrast", "scrollable-region-focusable", "target-size"] });
  const wide = await tab.evaluate(() =>
    [...document.querySelectorAll("body *")]
      .filter(
        (found) => found.getBoundingClientRect().right > innerWidth + 1 && !found.closest(".scroll, pre"),
      )
      .map((found) => found.outerHTML.slice(0, 100)),
  );
  const overflow = await tab.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  if (overflow > 0) faults.push(`phone: ${overflow} px too wide, such as ${wide[0]}`);
  return faults;
}

async function violations(options: RunOptions) {
  const { axe } = window as unknown as { axe: typeof import("axe-core") };
  // Colours between two schemes are not those of either.
  for (const animation of document.getAnimations())
    if (animation instanceof CSSTransition) animation.finish();
  // Takes the rows inside of a tree's row for its label.
  const rules = { "label-content-name-mismatch": { enabled: false } };
  // To load imported style sheets itself, it would add styles that the pages' policy forbids.
  const settings: RunOptions = { resultTypes: ["violations"], preload: false, rules };
  const { violations: found } = await axe.run(document, { ...settings, ...options });
  return found.map(({ id, nodes }) => ({
    id,
    nodes: nodes.map(({ html, any }) => `${html.slice(0, 160)} ${any[0]?.message ?? ""}`),
  }));
}

let source: Promise<string> | undefined;

function axe(): Promise<string> {
  source ??= readFile(fileURLToPath(import.meta.resolve("axe-core/axe.min.js")), "utf8");
  return source;
}
