/** Invalid messages with the code and paths of their dead letters; kits add those of their schema. */
import type { RejectionCode } from "../../src/contract/rejection.ts";
import type { DomainKit, GarbageKind, MessageFactory } from "../domains/kit.ts";

export type Garbage = Readonly<{
  kind: string;
  payload: Buffer;
  code: RejectionCode;
  /** In any order; undefined if random. */
  paths: readonly string[] | undefined;
}>;

/** @param kind one of garbageKinds(kit); random by default. */
export function makeGarbage(kit: DomainKit, factory: MessageFactory, kind?: string): Garbage {
  const kinds = kindsOf(kit);
  const name = kind ?? factory.pick(Object.keys(kinds));
  const { code, paths, make } = kinds[name] as GarbageKind;
  const payload = make(factory.valid().payload.toString(), factory);
  return { kind: name, code, paths, payload: Buffer.isBuffer(payload) ? payload : Buffer.from(payload) };
}

export function garbageKinds(kit: DomainKit): readonly string[] {
  return Object.keys(kindsOf(kit));
}

function kindsOf(kit: DomainKit): Readonly<Record<string, GarbageKind>> {
  let kinds = known.get(kit);
  if (!kinds) {
    kinds = { ...generalKinds(kit.documentBytesMax), ...kit.garbage };
    known.set(kit, kinds);
  }
  return kinds;
}

const known = new Map<DomainKit, Readonly<Record<string, GarbageKind>>>();

/** @param bytesMax of the largest document. */
function generalKinds(bytesMax: number): Readonly<Record<string, GarbageKind>> {
  return {
    empty: { code: "empty", paths: [""], make: () => "" },
    "too large": {
      code: "too_large",
      paths: [""],
      make: (document) => withMember(document, `"note":"${"x".repeat(bytesMax)}"`),
    },
    "random bytes": {
      code: "not_utf8",
      paths: [""],
      make: (_document, random) =>
        Buffer.from([0xff, ...Array.from({ length: 64 }, () => Math.floor(random.random() * 256))]),
    },
    "cut-off UTF-8": {
      code: "not_utf8",
      paths: [""],
      make: (document) => Buffer.concat([Buffer.from(document), Buffer.from([0xe2, 0x82])]),
    },
    "encoded surrogate": {
      code: "not_utf8",
      paths: [""],
      make: (document) => {
        const bytes = Buffer.from(withMember(document, '"note":"@@@"'));
        bytes.set([0xed, 0xa0, 0x80], bytes.lastIndexOf("@@@"));
        return bytes;
      },
    },
    "plain text": { code: "not_json", paths: [""], make: () => "hello, is this thing on?" },
    "cut-off JSON": {
      code: "not_json",
      paths: ["/note"],
      make: (document) => `${withMember(document, '"note":{').slice(0, -1)}`,
    },
    "trailing comma": { code: "not_json", paths: [""], make: (document) => `${document.slice(0, -1)},}` },
    "byte order mark": { code: "not_json", paths: [""], make: (document) => `\ufeff${document}` },
    "raw control character": {
      code: "not_json",
      paths: ["/note"],
      make: (document) => withMember(document, '"note":"a\u0001b"'),
    },
    NaN: { code: "not_json", paths: ["/note"], make: (document) => withMember(document, '"note":NaN') },
    "thousands of open brackets": { code: "not_json", make: () => "[".repeat(levelsIn(bytesMax)) },
    "null document": { code: "schema", paths: [""], make: () => "null" },
    "array document": { code: "schema", paths: [""], make: () => "[]" },
    "number document": { code: "schema", paths: [""], make: () => "42" },
    "deeply nested": {
      code: "schema",
      paths: [`/note${"/0".repeat(63)}`],
      make: (document) => withMember(document, `"note":${deep(65)}`),
    },
    "thousands of levels": { code: "schema", paths: ["/0".repeat(64)], make: () => deep(levelsIn(bytesMax)) },
    "repeated name": {
      code: "schema",
      paths: ["/note"],
      make: (document) => withMember(document, '"note":1,"note":2'),
    },
    "repeated name within": {
      code: "schema",
      paths: ["/note/a"],
      make: (document) => withMember(document, '"note":{"a":1,"a":2}'),
    },
    "repeated __proto__": {
      code: "schema",
      paths: ["/__proto__"],
      make: (document) => withMember(document, '"__proto__":{"a":1},"__proto__":{"a":2}'),
    },
    "NUL in a string": {
      code: "schema",
      paths: ["/note"],
      make: (document) => withMember(document, '"note":"Te\\u0000st"'),
    },
    "NUL in a name": {
      code: "schema",
      paths: ["/a\ufffdb"],
      make: (document) => withMember(document, '"a\\u0000b":1'),
    },
    "lone surrogate": {
      code: "schema",
      paths: ["/note"],
      make: (document) => withMember(document, '"note":"\\ud800"'),
    },
  };
}

/** Or the beginning of a member. */
function withMember(document: string, member: string): string {
  return `${document.slice(0, -1)},${member}}`;
}

function deep(levels: number): string {
  return "[".repeat(levels) + "]".repeat(levels);
}

/** Overflows a recursive parser, within the size limit. */
function levelsIn(bytesMax: number): number {
  return Math.min(100_000, Math.floor(bytesMax / 2));
}
