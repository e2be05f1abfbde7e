/**
 * A slow, exact walk over JSON text, for the few messages that were found wanting and need the place of what is
 * wrong: the first syntax error, names that stand twice, the first value below a given depth. It keeps a stack of its
 * own, one byte a level, so no depth of nesting can exhaust the machine's, and a megabyte takes some milliseconds
 * whatever it holds.
 * Source: RFC 8259; the pushdown automaton follows its grammar.
 */
import { PROBLEMS_MAX } from "../rejection.ts";

export type JsonScan = {
  /** The first character that cannot stand where it stands (the end of the text if something is missing). */
  error?: { index: number; expected: string; path: (string | number)[] };
  /** The path of each name that its object had already, at most as many as a person would read. */
  repeated: (string | number)[][];
  /** The path of the first value that lies `depth` levels deep. */
  deepest: (string | number)[];
};

export function scanJson(text: string, depth = Number.POSITIVE_INFINITY): JsonScan {
  const scan: JsonScan = { repeated: [], deepest: [] };
  const levels = new Levels();
  let index = skipSpace(text, 0);
  /** Where a name should be there is none yet: the place is the object that lacks it. */
  const failAtName = (): JsonScan => {
    levels.pop();
    return fail(index, 'a name in quotes and ":"');
  };
  const fail = (at: number, expected: string): JsonScan => {
    scan.error = { index: at, expected, path: levels.path() };
    return scan;
  };
  /** Reads `"name" :` and gives false if something else stands there. */
  const readName = (): boolean => {
    const end = text.charCodeAt(index) === QUOTE ? endOfString(text, index) : -1;
    if (end < 0) return false;
    const isRepeated = levels.name(text, index, end);
    if (isRepeated && scan.repeated.length < PROBLEMS_MAX) scan.repeated.push(levels.path());
    index = skipSpace(text, end);
    return text.charCodeAt(index) === COLON;
  };

  let wantsValue = true;
  for (;;) {
    if (wantsValue) {
      const code = text.charCodeAt(index);
      if (code === BRACE_OPEN || code === BRACKET_OPEN) {
        const isArray = code === BRACKET_OPEN;
        index = skipSpace(text, index + 1);
        if (levels.depth + 1 === depth && scan.deepest.length === 0) scan.deepest = levels.path();
        levels.push(isArray);
        if (text.charCodeAt(index) === (isArray ? BRACKET_CLOSE : BRACE_CLOSE)) {
          levels.pop();
          index++;
          wantsValue = false;
        } else if (!isArray) {
          if (!readName()) return failAtName();
          index = skipSpace(text, index + 1);
        }
        continue;
      }
      const end = code === QUOTE ? endOfString(text, index) : endOfNumberOrWord(text, index);
      // A broken string is broken at a place within it; anything else at its beginning.
      if (end < 0) return fail(code === QUOTE ? -1 - end : index, "a JSON value");
      index = end;
      wantsValue = false;
      continue;
    }

    index = skipSpace(text, index);
    if (levels.depth === 0) return index < text.length ? fail(index, "the end of the message") : scan;
    const code = text.charCodeAt(index);
    if (code === (levels.isArray ? BRACKET_CLOSE : BRACE_CLOSE)) {
      levels.pop();
      index++;
    } else if (code === COMMA) {
      index = skipSpace(text, index + 1);
      if (levels.isArray) {
        levels.nextElement();
      } else {
        if (!readName()) return failAtName();
        index = skipSpace(text, index + 1);
      }
      wantsValue = true;
    } else {
      return fail(index, levels.isArray ? '"," or "]"' : '"," or "}"');
    }
  }
}

/** The open arrays and objects. What is deeper than a path is long is remembered as array or object, and no more. */
class Levels {
  depth = 0;
  #arrays = new Uint8Array(1024);
  /** The index or the name of what is being read in each of the upper levels. */
  readonly #steps: (string | number)[] = [];
  /** The names that each object of the upper levels has. */
  readonly #names: Set<string>[] = [];

  get isArray(): boolean {
    return this.#arrays[this.depth - 1] === 1;
  }

  push(isArray: boolean): void {
    if (this.depth === this.#arrays.length) {
      const larger = new Uint8Array(2 * this.depth);
      larger.set(this.#arrays);
      this.#arrays = larger;
    }
    this.#arrays[this.depth] = isArray ? 1 : 0;
    if (this.depth < PATH_STEPS_MAX) this.#steps[this.depth] = isArray ? 0 : "";
    this.depth += 1;
    if (!isArray && this.depth <= NAMES_DEPTH_MAX) this.#names[this.depth] = new Set();
  }

  pop(): void {
    this.depth -= 1;
  }

  nextElement(): void {
    if (this.depth <= PATH_STEPS_MAX) (this.#steps[this.depth - 1] as number) += 1;
  }

  /** Takes the name between two places, quotes included. @returns whether its object had it already. */
  name(text: string, start: number, end: number): boolean {
    if (this.depth > PATH_STEPS_MAX) return false;
    const name = JSON.parse(text.slice(start, end)) as string;
    this.#steps[this.depth - 1] = name;
    if (this.depth > NAMES_DEPTH_MAX) return false;
    const names = this.#names[this.depth] as Set<string>;
    const isRepeated = names.has(name);
    names.add(name);
    return isRepeated;
  }

  path(): (string | number)[] {
    return this.#steps.slice(0, Math.min(this.depth, PATH_STEPS_MAX));
  }
}

function skipSpace(text: string, index: number): number {
  let at = index;
  for (;;) {
    const code = text.charCodeAt(at);
    if (code !== SPACE && code !== LINE_FEED && code !== CARRIAGE_RETURN && code !== TAB) return at;
    at++;
  }
}

/** @returns where the string that begins at `index` ends; if it is broken at a place, -1 minus that place. */
function endOfString(text: string, index: number): number {
  let at = index + 1;
  for (;;) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) return at + 1;
    // The end of the text is no number; a control character must not stand in a string.
    if (!(code >= SPACE)) return -1 - at;
    if (code === BACKSLASH) {
      const length = escapeLength(text, at + 1);
      if (length === 0) return -1 - at;
      at += length;
    }
    at++;
  }
}

/** How many characters follow the backslash of an escape; 0 if they are not an escape. */
function escapeLength(text: string, index: number): number {
  const code = text[index];
  if (code === undefined) return 0;
  if (code !== "u") return '"\\/bfnrt'.includes(code) ? 1 : 0;
  FOUR_DIGITS.lastIndex = index + 1;
  return FOUR_DIGITS.test(text) ? 5 : 0;
}

/** @returns where it ends; -1 if none begins at `index`. */
function endOfNumberOrWord(text: string, index: number): number {
  const code = text.charCodeAt(index);
  if (code !== MINUS && !isDigit(code)) {
    const word = WORDS.find((one) => text.startsWith(one, index));
    return word === undefined ? -1 : index + word.length;
  }
  let end = code === MINUS ? index + 1 : index;
  if (!isDigit(text.charCodeAt(end))) return -1;
  end = text.charCodeAt(end) === ZERO ? end + 1 : endOfDigits(text, end);
  if (text.charCodeAt(end) === POINT && isDigit(text.charCodeAt(end + 1))) end = endOfDigits(text, end + 1);
  if (text[end] === "e" || text[end] === "E") {
    const digits = text[end + 1] === "+" || text[end + 1] === "-" ? end + 2 : end + 1;
    if (isDigit(text.charCodeAt(digits))) end = endOfDigits(text, digits);
  }
  return end;
}

function endOfDigits(text: string, index: number): number {
  let end = index;
  while (isDigit(text.charCodeAt(end))) end++;
  return end;
}

function isDigit(code: number): boolean {
  return code >= ZERO && code <= NINE;
}

const FOUR_DIGITS = /[0-9a-fA-F]{4}/y;
const WORDS = ["true", "false", "null"] as const;
const TAB = 0x09;
const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const SPACE = 0x20;
const QUOTE = 0x22;
const COMMA = 0x2c;
const MINUS = 0x2d;
const POINT = 0x2e;
const ZERO = 0x30;
const NINE = 0x39;
const COLON = 0x3a;
const BRACKET_OPEN = 0x5b;
const BACKSLASH = 0x5c;
const BRACKET_CLOSE = 0x5d;
const BRACE_OPEN = 0x7b;
const BRACE_CLOSE = 0x7d;

/** Below this the document is refused for its depth; remembering a hundred thousand levels of names is in vain. */
const NAMES_DEPTH_MAX = 100;

/** A pointer is cut far earlier; this keeps a path of a hundred thousand levels from being built. */
const PATH_STEPS_MAX = 600;
