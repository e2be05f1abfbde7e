/**
 * Walks the values of a JSON document in the order of its text, each with a context that its place gives it. The walk
 * keeps a stack of its own and looks at each character once, so a document of any shape takes time in proportion to its
 * length. The text must be a JSON document.
 * @typeParam Place what is known of a place in the document.
 */
export type Visitor<Place> = Readonly<{
  /** The place of a member of an object; the name stands in the text between `start` and `end`, quotes included. */
  member(place: Place, start: number, end: number): Place;
  /** The place of an element of an array. */
  element(place: Place, index: number): Place;
  /** A value; of an object or array, `end` is where its content begins. */
  value(place: Place, start: number, end: number, kind: "text" | "container" | "other"): void;
}>;

/** @param root the place of the document. @param until where the walk ends: the first value behind it is not visited. */
export function walkJson<Place>(
  text: string,
  root: Place,
  visitor: Visitor<Place>,
  until = text.length,
): void {
  /** The open containers, and the index that the next element of each has; -1 for objects. */
  const places: Place[] = [];
  const indexes: number[] = [];
  let place = root;
  let isName = false;
  for (let at = 0; at < until; ) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) {
      const end = endOfString(text, at);
      if (isName) {
        place = visitor.member(places.at(-1) as Place, at, end);
        isName = false;
      } else {
        visitor.value(place, at, end, "text");
      }
      at = end;
    } else if (code === BRACE_OPEN || code === BRACKET_OPEN) {
      visitor.value(place, at, at + 1, "container");
      places.push(place);
      isName = code === BRACE_OPEN;
      indexes.push(isName ? -1 : 0);
      if (!isName) place = visitor.element(place, 0);
      at++;
    } else if (code === BRACE_CLOSE || code === BRACKET_CLOSE) {
      places.pop();
      indexes.pop();
      isName = false;
      at++;
    } else if (code === COMMA) {
      const index = indexes.at(-1) as number;
      isName = index < 0;
      if (!isName) {
        indexes[indexes.length - 1] = index + 1;
        place = visitor.element(places.at(-1) as Place, index + 1);
      }
      at++;
    } else if (code <= SPACE || code === COLON) {
      at++;
    } else {
      const end = endOfWord(text, at);
      visitor.value(place, at, end, "other");
      at = end;
    }
  }
}

/** Whether the text is a JSON document of a size and depth that can be walked while others wait. */
export function isDocument(text: string): boolean {
  if (text.length > LENGTH_MAX || isTooDeep(text)) return false;
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** Whether more brackets stand open at some place than a real document has; those in strings count, too. */
function isTooDeep(text: string): boolean {
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === BRACKET_OPEN || code === BRACE_OPEN) depth++;
    else if (code === BRACKET_CLOSE || code === BRACE_CLOSE) depth--;
    if (depth > DEPTH_MAX) return true;
  }
  return false;
}

function endOfString(text: string, start: number): number {
  for (let at = start + 1; ; at++) {
    const code = text.charCodeAt(at);
    if (code === BACKSLASH) at++;
    else if (code === QUOTE) return at + 1;
  }
}

/** The end of a number, `true`, `false` or `null`. */
function endOfWord(text: string, start: number): number {
  let at = start + 1;
  while (at < text.length) {
    const code = text.charCodeAt(at);
    if (code <= SPACE || code === COMMA || code === BRACE_CLOSE || code === BRACKET_CLOSE) break;
    at++;
  }
  return at;
}

const SPACE = 0x20;
const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const BRACKET_OPEN = 0x5b;
const BACKSLASH = 0x5c;
const BRACKET_CLOSE = 0x5d;
const BRACE_OPEN = 0x7b;
const BRACE_CLOSE = 0x7d;

/** Checking and walking a megabyte takes some ten milliseconds, whatever it holds. */
const LENGTH_MAX = 1024 * 1024;

/** Parsing a million brackets takes much longer than parsing a megabyte of anything else. */
const DEPTH_MAX = 1_000;
