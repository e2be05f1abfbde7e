/** The name that a misspelt one probably means: of a setting, a choice or a domain. */
import { closestMatch } from "leven";

/** @returns undefined if no name resembles the given one. */
export function nearestName(given: string, names: readonly string[]): string | undefined {
  const maxDistance = Math.min(TYPING_ERRORS_MAX, Math.ceil(given.length * WRONG_SHARE_MAX));
  return closestMatch(given, names, { maxDistance });
}

/** A long name with more errors than this is another name. */
const TYPING_ERRORS_MAX = 3;

/** In a short name fewer errors make another name: two in five letters are still a slip. */
const WRONG_SHARE_MAX = 0.4;
