/** A headless browser. */
import chromium from "@sparticuz/chromium";
import { type Browser, chromium as browserType } from "playwright-core";

/** @param args beside the required ones. */
export async function launchBrowser(args: readonly string[] = []): Promise<Browser> {
  return browserType.launch({
    executablePath: await chromium.executablePath(),
    // A single process would end with its first tab.
    args: [...chromium.args.filter((argument) => argument !== "--single-process"), ...args],
    headless: true,
  });
}
