/** Waits for a condition instead of for a time. */
import { setTimeout as delay } from "node:timers/promises";
import { pollAfter } from "../../tools/stack/child.ts";

/**
 * Polls until the condition returns something. The limit is far above what any machine needs, so reaching it means that
 * the test hangs.
 */
export async function until<T>(
  label: string | (() => string),
  condition: () => T | Promise<T>,
): Promise<Exclude<NonNullable<T>, false>> {
  const started = performance.now();
  const seconds = () => Math.round((performance.now() - started) / 1000);
  const text = () => (typeof label === "string" ? label : label());
  // Shows the runner that the file makes progress.
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
/** Ten times the slowest condition on two busy processors. */
const SECONDS_MAX = 120;
