/** A real browser without a window. */
import chromium from "@sparticuz/chromium";
import { type Browser, chromium as browserType } from "playwright-core";

/** @param args of Chromium, beside those that it needs. */
export async function launchBrowser(args: readonly string[] = []): Promise<Browser> {
  return browserType.launch({
    executablePath: await chromium.executablePath(),
    // One process for all would end the browser with its first tab.
    args: [...chromium.args.filter((argument) => argument !== "--single-process"), ...args],
    headless: true,
  });
}
