/** Pages with live data in a real browser: news neither takes the focus nor moves what the reader reads. */
import { suite } from "uvu";
import { launchBrowser } from "../../tools/stack/browser.ts";
import { checkPlaces, startLivePages } from "../support/live-pages.ts";

const started = new AsyncDisposableStack();
const browser = await launchBrowser();
started.defer(() => browser.close());
const live = started.use(await startLivePages(browser));
const check = suite("live pages");

await checkPlaces(check, live, ({ isLong }) => !isLong);

check.after(() => started[Symbol.asyncDispose]());
check.run();
