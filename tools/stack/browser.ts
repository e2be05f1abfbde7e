/** A headless browser. */
import chromium from "@sparticuz/chromium";
import { type Browser, chromium as browserType } from "playwright-core";

/** @param args beside the required ones. */
export async function launchBrowser(args: readonly string[] = []): Promise<Browser> {
  return browserType.launch({
    executablePath: await chromium.executablePath(),
    args: [...chromium.args.filter((argument) => !UNWANTED.test(argument)), "--disable-gpu", ...args],
    headless: true,
  });
}

/** A single process would end with its first tab. Graphics emulated by the processor cost a fifth of its time. */
const UNWANTED =
  /^--(single-process|in-process-gpu|ignore-gpu-blocklist|use-(gl|angle)|enable-unsafe-swiftshader)/;
