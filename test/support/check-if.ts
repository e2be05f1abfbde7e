/** Tests with optional dependencies. */
import type { Test } from "uvu";

/** @returns the suite if the dependency exists; otherwise one that skips each test, which the runner counts. */
export function checkIf<T extends Test>(isThere: unknown, tests: T): T {
  return isThere ? tests : (tests.skip as unknown as T);
}
