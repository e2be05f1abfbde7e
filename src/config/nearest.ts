/** Guesses the name that a misspelt one means, for "did you mean". */
import { closestMatch } from "leven";

/** @returns undefined if no name is similar. */
export function nearestName(given: string, names: readonly string[]): string | undefined {
  const maxDistance = Math.min(TYPING_ERRORS_MAX, Math.ceil(given.length * WRONG_SHARE_MAX));
  return closestMatch(given, names, { maxDistance });
}

/** More errors make another name. */
const TYPING_ERRORS_MAX = 3;

/** For short names: two errors in five letters are still a slip. */
const WRONG_SHARE_MAX = 0.4;
