/** Runs the test files that the runner names, one after another. They share the modules, whose loading takes longest. */
import { join } from "node:path";
import { setTimeout as delay, setImmediate } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { ROOT } from "./files.ts";
import { type Answer, END, type Request } from "./test-process.ts";

/** uvu's queue: `run()` of a suite adds one of these. */
type Suite = () => Promise<[errors: string | true, passed: number, skipped: number, total: number]>;

// uvu then leaves the running to this file, as to its own command.
Object.assign(globalThis, { UVU_DEFER: 1 });

// Node opens these when they are first used.
void [process.stdout, process.stderr];

process.on("message", async (request: Request | typeof END) => {
  if (request === END) return process.disconnect();
  Object.assign(process.env, request.environment);
  process.send?.(await runFile(request));
});

async function runFile({ file, endSecondsMax }: Request): Promise<Answer> {
  const before = openResources();
  const suites: Suite[] = [];
  Object.assign(globalThis, { UVU_QUEUE: [suites] });
  await import(pathToFileURL(join(ROOT, file)).href);
  let [total, passed, skipped, hasError] = [0, 0, 0, false];
  for (const suite of suites) {
    const [errors, ...counts] = await suite();
    if (errors !== true) process.stdout.write(`\n${errors}\n`);
    hasError ||= errors !== true;
    passed += counts[0];
    skipped += counts[1];
    total += counts[2];
  }
  return { total, passed, skipped, hasError, open: await leftOpen(before, endSecondsMax) };
}

/** What keeps a process from its end must go soon after the last test. */
async function leftOpen(before: readonly string[], secondsMax: number): Promise<string[]> {
  const added = () => {
    const known = [...before];
    return openResources().filter((kind) => {
      const index = known.indexOf(kind);
      if (index !== -1) known.splice(index, 1);
      return index === -1;
    });
  };
  const deadline = performance.now() + secondsMax * 1000;
  while (added().length > 0 && performance.now() < deadline) {
    await delay(POLL_MS);
    // Within its callback a timer still counts.
    await setImmediate();
  }
  return added();
}

function openResources(): string[] {
  return process.getActiveResourcesInfo();
}

const POLL_MS = 20;
