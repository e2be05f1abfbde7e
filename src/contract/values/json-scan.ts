/**
 * A slow, exact scan that locates what is wrong with a JSON text. Its own stack takes one byte a level, so nesting
 * cannot exhaust the call stack. Source: RFC 8259; the pushdown automaton follows its grammar.
 */
import { PROBLEMS_MAX } from "../rejection.ts";

export type JsonScan = {
  /** `token` is the start of the token that holds the error. */
  error?: { index: number; token: number; expected: string; path: (string | number)[] };
  repeated: (string | number)[][];
  /** The first value that lies `depth` levels deep. */
  deepest: (string | number)[];
  /** The path of the member whose name begins at `nameAt`. */
  member: (string | number)[];
};

export type JsonScanOptions = Readonly<{
  depth?: number;
  nameAt?: number;
  /** Keeps the names of open objects, which takes several times as long. */
  findsRepeated?: boolean;
}>;

export function scanJson(
  text: string,
  { depth = Number.POSITIVE_INFINITY, nameAt, findsRepeated = false }: JsonScanOptions = {},
): JsonScan {
  const scan: JsonScan = { repeated: [], deepest: [], member: [] };
  const levels = new Levels(text, findsRepeated);
  let index = skipSpace(text, 0);
  /** Fails at the object that lacks the name. */
  const failAtName = (): JsonScan => {
    levels.pop();
    return fail(index, 'a name in quotes and ":"');
  };
  const fail = (at: number, expected: string): JsonScan => {
    scan.error = { index: at, token: index, expected, path: levels.path() };
    return scan;
  };
  const readName = (): boolean => {
    const end = text.charCodeAt(index) === QUOTE ? endOfString(text, index) : -1;
    if (end < 0) return false;
    const isRepeated = levels.name(index, end);
    if (index === nameAt) scan.member = levels.path();
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
      // A string can be broken inside; any other value at its start.
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

/** Levels beyond PATH_STEPS_MAX keep only their kind. */
class Levels {
  depth = 0;
  #arrays = new Uint8Array(1024);
  readonly #text: string;
  readonly #findsRepeated: boolean;
  /** Of each upper level the current index, or where the current name begins. */
  readonly #starts: number[] = [];
  /** Where the current name ends; 0 before the first one. */
  readonly #ends: number[] = [];
  readonly #names: Set<string>[] = [];

  constructor(text: string, findsRepeated: boolean) {
    this.#text = text;
    this.#findsRepeated = findsRepeated;
  }

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
    if (this.depth < PATH_STEPS_MAX) {
      this.#starts[this.depth] = 0;
      this.#ends[this.depth] = 0;
    }
    this.depth += 1;
    if (this.#findsRepeated && !isArray && this.depth <= NAMES_DEPTH_MAX) this.#names[this.depth] = new Set();
  }

  pop(): void {
    this.depth -= 1;
  }

  nextElement(): void {
    if (this.depth <= PATH_STEPS_MAX) (this.#starts[this.depth - 1] as number) += 1;
  }

  /** @returns whether the object already had this name. */
  name(start: number, end: number): boolean {
    if (this.depth > PATH_STEPS_MAX) return false;
    this.#starts[this.depth - 1] = start;
    this.#ends[this.depth - 1] = end;
    if (!this.#findsRepeated || this.depth > NAMES_DEPTH_MAX) return false;
    const name = this.#nameBetween(start, end);
    const names = this.#names[this.depth] as Set<string>;
    const isRepeated = names.has(name);
    names.add(name);
    return isRepeated;
  }

  path(): (string | number)[] {
    return this.#starts.slice(0, Math.min(this.depth, PATH_STEPS_MAX)).map((start, level) => {
      if (this.#arrays[level] === 1) return start;
      const end = this.#ends[level] as number;
      return end === 0 ? "" : this.#nameBetween(start, end);
    });
  }

  #nameBetween(start: number, end: number): string {
    const name = this.#text.slice(start + 1, end - 1);
    return name.includes("\\") ? (JSON.parse(this.#text.slice(start, end)) as string) : name;
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

/** @returns the end of the string; if it is broken, -1 minus the broken index. */
function endOfString(text: string, index: number): number {
  let at = index + 1;
  for (;;) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) return at + 1;
    // False also for NaN, the end of the text.
    if (!(code >= SPACE)) return -1 - at;
    if (code === BACKSLASH) {
      const length = escapeLength(text, at + 1);
      if (length === 0) return -1 - at;
      at += length;
    }
    at++;
  }
}

/** 0 for an invalid escape. */
function escapeLength(text: string, index: number): number {
  const code = text[index];
  if (code === undefined) return 0;
  if (code !== "u") return '"\\/bfnrt'.includes(code) ? 1 : 0;
  FOUR_DIGITS.lastIndex = index + 1;
  return FOUR_DIGITS.test(text) ? 5 : 0;
}

/** @returns -1 if no number or word begins at `index`. */
function endOfNumberOrWord(text: string, index: number): number {
  const code = text.charCodeAt(index);
  if (code !== MINUS && !isDigit(code)) {
    const word = WORDS.find((candidate) => text.startsWith(candidate, index));
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

/** Deeper documents are refused anyway, so their names need no memory. */
const NAMES_DEPTH_MAX = 100;

/** Pointers are cut far earlier. */
const PATH_STEPS_MAX = 600;
