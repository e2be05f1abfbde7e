/** Tests of what not every machine has. */
import type { Test } from "uvu";

/** @returns the suite where what its tests need is there; otherwise what skips each of them, which the runner counts. */
export function checkIf<T extends Test>(isThere: unknown, tests: T): T {
  return isThere ? tests : (tests.skip as unknown as T);
}
