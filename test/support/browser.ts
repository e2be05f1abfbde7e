/** Tabs of a real browser that keep what they complain about. */
import type { Browser, Page } from "playwright-core";

/**
 * Opens a page; whatever it complains about, every dialog, and every request that leaves its origin is collected.
 * @param origin of the service.
 */
export async function openTab(
  browser: Browser,
  origin: string,
  path: string,
  viewport = { width: 1100, height: 900 },
): Promise<{ tab: Page; complaints: string[] }> {
  const tab = await browser.newPage({ viewport, locale: "en-US", timezoneId: "UTC" });
  const complaints: string[] = [];
  tab.on("console", (message) => {
    // The browser itself reports refusals that the page then explains.
    if (message.type() === "error" && !/status of 4\d\d/.test(message.text()))
      complaints.push(message.text());
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
