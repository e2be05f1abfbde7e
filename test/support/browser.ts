/** Tabs of a real browser that collect errors. */
import type { Browser, Page } from "playwright-core";

/** Opens a page and collects errors, dialogs, and requests to other origins. @param origin of the service. */
export async function openTab(
  browser: Browser,
  origin: string,
  path: string,
  viewport = { width: 1100, height: 900 },
): Promise<{ tab: Page; complaints: string[] }> {
  const tab = await browser.newPage({ viewport, locale: "en-US", timezoneId: "UTC" });
  const complaints: string[] = [];
  tab.on("console", (message) => {
    // The browser logs 4xx responses that the page explains itself.
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
