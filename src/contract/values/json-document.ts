/**
 * Bytes enter; a JSON value or a rejection leaves. Stricter than JSON.parse: refuses what PostgreSQL cannot hold or two
 * readers would read differently: deep nesting, U+0000, lone surrogates, repeated names. A fraction that JSON.parse
 * would round to a whole number stays a fraction. Sources: RFC 8259 (JSON), RFC 7493 (I-JSON).
 */
import { isUtf8 } from "node:buffer";
import { boundProblems, excerptOf, type Problem, pointerTo, type Rejection, reject } from "../rejection.ts";
import { foreignFormatOf } from "./foreign-format.ts";
import { type JsonScan, scanJson } from "./json-scan.ts";
import { isRounded, numberAround, type Place, replaceRounded } from "./rounded-numbers.ts";

/** Deeper than any real message, and far below the limit of PostgreSQL's parser. */
const NESTING_MAX = 64;

/**
 * More than any schema has. JSON.parse keeps a layout for each new sequence of names: a megabyte of new names took it
 * 60 to 110 ms, and as many objects of a thousand names 30 to 60 ms.
 */
const NAMES_MAX = 1_000;

type JsonDocument = Readonly<{ value: unknown }>;

/** @param bytesMax a constant of the domain, because it decides outcomes. */
export function parseJsonDocument(payload: Buffer, bytesMax: number): JsonDocument | Rejection {
  if (payload.length === 0) {
    return reject("empty", {
      path: "",
      rule: "not_empty",
      expected: "a JSON document",
      received: "no bytes",
    });
  }
  if (payload.length > bytesMax) {
    const expected = `at most ${bytesMax} bytes`;
    return reject("too_large", {
      path: "",
      rule: "bytes_max",
      expected,
      received: `${payload.length} bytes`,
    });
  }
  if (!isUtf8(payload)) return notUtf8(payload);
  const text = payload.toString("utf8");
  const shape = measureShape(payload);
  // Parsing a million brackets is slower than this scan.
  if (shape.depth > NESTING_MAX) return tooDeep(text);
  const nameAt = shape.names > NAMES_MAX ? firstNameBeyond(NAMES_MAX, text) : undefined;
  if (nameAt !== undefined) return tooManyNames(text, nameAt);
  let value: unknown;
  try {
    value = JSON.parse(
      shape.rounded.length > 0 ? replaceRounded(payload, shape.rounded).toString("utf8") : text,
    );
  } catch {
    return notJson(text, scanJson(text));
  }
  // JSON.parse keeps the last of two equal names, so a repeated name makes the counts differ.
  if (shape.names > 0 && shape.names !== countNames(value)) return repeatedNames(text);
  // Only a \u escape can produce U+0000 or a lone surrogate.
  if (shape.hasUnicodeEscape) return firstBadString(value, []) ?? { value };
  return { value };
}

function notUtf8(payload: Buffer): Rejection {
  const repaired = Buffer.from(payload.toString("utf8"));
  let offset = 0;
  while (offset < payload.length && payload[offset] === repaired[offset]) offset++;
  // A truncated sequence may share bytes with its replacement character.
  while (offset > 0 && ((repaired[offset] ?? 0) & 0xc0) === 0x80) offset--;
  const byte = payload[offset];
  const found = byte === undefined ? "end of the message" : `byte 0x${byte.toString(16).padStart(2, "0")}`;
  const received = foreignFormatOf(payload) ?? found;
  return reject("not_utf8", { path: "", rule: "utf8", expected: "UTF-8", received, byteOffset: offset });
}

function notJson(text: string, { error }: JsonScan): Rejection {
  const index = error?.index ?? text.length;
  const found = index >= text.length ? "end of the message" : "an unexpected character";
  // A foreign format fails within its first two bytes.
  const foreign = index < 2 ? foreignFormatOf(Buffer.from(text.slice(0, 4))) : undefined;
  return reject("not_json", {
    path: pointerTo(error?.path ?? []),
    rule: "json",
    expected: error?.expected ?? "JSON",
    received: foreign ?? found,
    ...(index < text.length
      ? { excerpt: excerptOf(String.fromCodePoint(text.codePointAt(index) ?? 0)) }
      : {}),
    byteOffset: Buffer.byteLength(text.slice(0, index)),
  });
}

function tooDeep(text: string): Rejection {
  const scan = scanJson(text, { depth: NESTING_MAX + 1 });
  // Invalid JSON takes precedence.
  if (scan.error) return notJson(text, scan);
  const expected = `at most ${NESTING_MAX} levels`;
  return reject("schema", {
    path: pointerTo(scan.deepest),
    rule: "nesting_max",
    expected,
    received: "a deeper level",
  });
}

function tooManyNames(text: string, nameAt: number): Rejection {
  const scan = scanJson(text, { nameAt });
  // Invalid JSON takes precedence.
  if (scan.error) return notJson(text, scan);
  return reject("schema", {
    path: pointerTo(scan.member),
    rule: "names_max",
    expected: `at most ${NAMES_MAX} different names`,
    received: "another name",
  });
}

/** @returns the index of the first name after `max` different ones, compared as written; undefined if there is none. */
function firstNameBeyond(max: number, text: string): number | undefined {
  const names = new Set<string>();
  for (let index = text.indexOf('"'); index >= 0; index = text.indexOf('"', index)) {
    const start = index;
    for (index++; index < text.length && text.charCodeAt(index) !== QUOTE; index++)
      if (text.charCodeAt(index) === BACKSLASH) index++;
    index++;
    let next = index;
    while (text.charCodeAt(next) <= SPACE) next++;
    if (text.charCodeAt(next) !== COLON) continue;
    names.add(text.slice(start, index));
    if (names.size > max) return start;
  }
  return undefined;
}

function repeatedNames(text: string): Rejection {
  const { repeated } = scanJson(text, { findsRepeated: true });
  return { code: "schema", problems: boundProblems(problemsOf(repeated)) };
}

function* problemsOf(repeated: JsonScan["repeated"]): Iterable<Problem> {
  for (const path of repeated) {
    yield {
      path: pointerTo(path),
      rule: "unique_name",
      expected: "each name once in an object",
      received: "the same name again",
    };
  }
}

type Shape = { depth: number; names: number; hasUnicodeEscape: boolean; rounded: readonly Place[] };

/** Exact for valid JSON. */
function measureShape(json: Buffer): Shape {
  const rounded: Place[] = [];
  let level = 0;
  let depth = 0;
  let names = 0;
  let hasUnicodeEscape = false;
  for (let index = 0; index < json.length; index++) {
    const byte = json[index];
    if (byte === QUOTE) {
      for (index++; index < json.length && json[index] !== QUOTE; index++) {
        if (json[index] !== BACKSLASH) continue;
        index++;
        if (json[index] === LETTER_U) hasUnicodeEscape = true;
      }
    } else if (byte === COLON) {
      names++;
    } else if (byte === BRACE_OPEN || byte === BRACKET_OPEN) {
      level++;
      if (level > depth) depth = level;
    } else if (byte === BRACE_CLOSE || byte === BRACKET_CLOSE) {
      level--;
    } else if (byte === POINT || ((byte === LETTER_E || byte === CAPITAL_E) && isDigit(json[index - 1]))) {
      const place = numberAround(json, index);
      if (isRounded(json, place)) rounded.push(place);
      index = place.end - 1;
    }
  }
  return { depth, names, hasUnicodeEscape, rounded };
}

function countNames(value: unknown): number {
  if (typeof value !== "object" || value === null) return 0;
  let names = 0;
  if (Array.isArray(value)) {
    for (const element of value) if (typeof element === "object") names += countNames(element);
    return names;
  }
  for (const name in value) {
    names++;
    const member = (value as Record<string, unknown>)[name];
    if (typeof member === "object") names += countNames(member);
  }
  return names;
}

/** @param path of the value, to which the steps to its members are added for a while. */
function firstBadString(value: unknown, path: (string | number)[]): Rejection | undefined {
  if (typeof value === "string") return badString(value, path);
  if (typeof value !== "object" || value === null) return undefined;
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index++) {
      path.push(index);
      const bad = firstBadString(value[index], path);
      if (bad) return bad;
      path.pop();
    }
    return undefined;
  }
  for (const name in value) {
    path.push(name);
    const bad = badString(name, path) ?? firstBadString((value as Record<string, unknown>)[name], path);
    if (bad) return bad;
    path.pop();
  }
  return undefined;
}

function badString(text: string, path: readonly (string | number)[]): Rejection | undefined {
  const found = text.includes("\0") ? "U+0000" : text.isWellFormed() ? undefined : "half a surrogate pair";
  if (found === undefined) return undefined;
  return reject("schema", {
    path: pointerTo(path),
    rule: "unicode",
    expected: "Unicode text",
    received: found,
  });
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= ZERO && byte <= NINE;
}

const SPACE = 0x20;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const LETTER_U = 0x75;
const POINT = 0x2e;
const ZERO = 0x30;
const NINE = 0x39;
const CAPITAL_E = 0x45;
const LETTER_E = 0x65;
const COLON = 0x3a;
const BRACE_OPEN = 0x7b;
const BRACE_CLOSE = 0x7d;
const BRACKET_OPEN = 0x5b;
const BRACKET_CLOSE = 0x5d;
