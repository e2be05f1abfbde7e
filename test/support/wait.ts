/** Waits for a condition instead of for a time. */
import { setTimeout as delay } from "node:timers/promises";
import { pollAfter } from "../../tools/stack/child.ts";

/**
 * Asks again and again until the condition gives something. No machine is so slow or so busy that it needs the whole time
 * which is allowed; a test that does not hold has hung.
 */
export async function until<T>(
  label: string | (() => string),
  condition: () => T | Promise<T>,
): Promise<Exclude<NonNullable<T>, false>> {
  const started = performance.now();
  const seconds = () => Math.round((performance.now() - started) / 1000);
  const text = () => (typeof label === "string" ? label : label());
  // The runner sees by it that the file goes on.
  const notice = setInterval(() => {
    process.stderr.write(`waiting until ${text()} (${seconds()} s so far)\n`);
  }, NOTICE_MS);
  try {
    for (;;) {
      const value = await condition();
      if (value) return value as Exclude<NonNullable<T>, false>;
      if (seconds() > SECONDS_MAX) throw new Error(`waited ${SECONDS_MAX} s in vain until ${text()}`);
      await delay(pollAfter(started));
    }
  } finally {
    clearInterval(notice);
  }
}

const NOTICE_MS = 30_000;
/** Ten times what the slowest condition takes on two busy processors. */
const SECONDS_MAX = 120;
