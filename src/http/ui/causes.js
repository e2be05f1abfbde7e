/** Says in words why messages were rejected. */
import { visible } from "/ui/dom.js";

/** @param cause `received` and `excerpt` of a letter, if they are known. */
export function wordsOf({ code, path, expected, received, excerpt }) {
  const place = path || "the document";
  const value = excerpt === undefined ? received : `${NOUNS[received] ?? received} ${excerpt}`;
  const came = received === undefined ? "" : `, received ${value}`;
  return visible(`${code}: ${place}: expected ${expected}${came}`);
}

/** JavaScript's names of types in the words of JSON. */
const NOUNS = { string: "text" };
