/**
 * Visits the values of a valid JSON text in order, each with a context derived from its place. Time is linear in the
 * length, and an explicit stack allows any depth.
 */
import { scanJson } from "../../contract/values/json-scan.ts";

/** @typeParam Place the context of a place. */
export type Visitor<Place> = Readonly<{
  member(place: Place, name: string): Place;
  element(place: Place, index: number): Place;
  /** For an object or array, `end` is the start of its content. */
  value(place: Place, start: number, end: number, kind: "text" | "container" | "other"): void;
}>;

/**
 * @param until end index of the walk, in text that can be walked.
 * @returns the places around the end: the object or array, and in it the member or element.
 */
export function walkJson<Place>(
  text: string,
  root: Place,
  visitor: Visitor<Place>,
  until = text.length,
): { container: Place | undefined; place: Place } {
  const places: Place[] = [];
  const indexes: number[] = [];
  let place = root;
  let isName = false;
  for (let at = 0; at < until; ) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) {
      const end = endOfString(text, at);
      if (isName) {
        place = visitor.member(places.at(-1) as Place, stringAt(text, at, end));
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
      place = places.at(-1) ?? root;
      isName = false;
      at++;
    } else if (code === COMMA) {
      const index = indexes.at(-1) as number;
      isName = index < 0;
      place = places.at(-1) as Place;
      if (!isName) {
        indexes[indexes.length - 1] = index + 1;
        place = visitor.element(place, index + 1);
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
  return { container: places.at(-1), place };
}

/** @returns the value of the string between its quotes. */
function stringAt(text: string, start: number, end: number): string {
  const raw = text.slice(start + 1, end - 1);
  return raw.includes("\\") ? (JSON.parse(text.slice(start, end)) as string) : raw;
}

/** @returns the length of the text that can be walked: all of a document, or up to the token that breaks it. */
export function walkableLength(text: string): number {
  if (text.length > LENGTH_MAX || isTooDeep(text)) return 0;
  // Not by JSON.parse, which is slow for some shapes.
  return scanJson(text).error?.token ?? text.length;
}

/** Whether the text is JSON that can be walked without delaying other requests. */
export function isDocument(text: string): boolean {
  return text.length <= LENGTH_MAX && !isTooDeep(text) && scanJson(text).error === undefined;
}

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

/** Checking and walking a megabyte takes some 10 ms. */
const LENGTH_MAX = 1024 * 1024;

/** Walking deep nesting is slower. Brackets in strings count too. */
const DEPTH_MAX = 1_000;
