/** Waits for a condition instead of for a time. */
import { setTimeout as delay } from "node:timers/promises";
import { pollAfter } from "../../tools/stack/child.ts";
import { startNotices } from "../../tools/stack/notices.ts";

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
  using _notices = startNotices(() => `waiting until ${text()}`);
  for (;;) {
    const value = await condition();
    if (value) return value as Exclude<NonNullable<T>, false>;
    if (seconds() > SECONDS_MAX) throw new Error(`waited ${SECONDS_MAX} s in vain until ${text()}`);
    await delay(pollAfter(started));
  }
}

/** Ten times the slowest condition on two busy processors. */
export const SECONDS_MAX = 120;
