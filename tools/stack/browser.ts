/** A real browser without a window. */
import chromium from "@sparticuz/chromium";
import { type Browser, chromium as browserType } from "playwright-core";

export async function launchBrowser(): Promise<Browser> {
  return browserType.launch({
    executablePath: await chromium.executablePath(),
    // One process for all would end the browser with its first tab.
    args: chromium.args.filter((argument) => argument !== "--single-process"),
    headless: true,
  });
}
