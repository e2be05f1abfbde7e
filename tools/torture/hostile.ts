/** Mutations of a valid document, and nonsense. */
import type { DomainKit, MessageFactory, Mutation } from "../domains/kit.ts";
import type { Random } from "../domains/random.ts";

/** Some mutations leave it valid. */
export function makeHostile(kit: DomainKit, factory: MessageFactory): Buffer {
  const mutate = factory.pick([...MUTATIONS, ...kit.hostile]);
  const once = Buffer.from(mutate(factory.valid().payload.toString(), factory));
  // Combinations find other errors.
  return factory.random() < 0.2 ? mutateBytes(once, factory) : once;
}

const MUTATIONS: readonly Mutation[] = [
  mutateValue,
  mutateValue,
  mutateValue,
  mutateName,
  removeOrRepeatMember,
  removeOrRepeatMember,
  (document, random) => mutateBytes(Buffer.from(document), random),
  (document, random) => document.slice(0, Math.floor(random.random() * document.length)),
  (_document, random) => randomBytes(Math.floor(random.random() * 400), random),
  (_document, random) => random.pick(NASTY_DOCUMENTS),
  nested,
  (document, random) => Buffer.from(document, random.pick(["utf16le", "latin1", "base64", "hex"] as const)),
  (document, random) => random.pick(["\ufeff", " ", "\n\n", "//", "<!--", ")]}',\n"]) + document,
  (document, random) => document + random.pick([",", "}", document, "\0", " x", "\u2028"]),
  large,
];

function mutateValue(document: string, random: Random): string {
  return withValue(document, random, random.pick(NASTY_VALUES));
}

function withValue(document: string, random: Random, value: string): string {
  const values = [...document.matchAll(/:("(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*|null|true|false)/g)];
  const { index, 0: found } = random.pick(values) as RegExpExecArray;
  return `${document.slice(0, index)}:${value}${document.slice(index + found.length)}`;
}

function mutateName(document: string, random: Random): string {
  const names = [...document.matchAll(/"(\w+)":/g)];
  const { index, 0: found } = random.pick(names) as RegExpExecArray;
  const name = JSON.stringify(random.pick(NASTY_TEXTS));
  return `${document.slice(0, index)}${name}:${document.slice(index + found.length)}`;
}

function removeOrRepeatMember(document: string, random: Random): string {
  const members = [...document.matchAll(/"\w+":("(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*),/g)];
  const found = random.pick(members);
  if (!found) return mutateValue(document, random);
  const { index, 0: member } = found;
  const instead = random.random() < 0.5 ? "" : member + member;
  return document.slice(0, index) + instead + document.slice(index + member.length);
}

function mutateBytes(bytes: Buffer, random: Random): Buffer {
  const changed = Buffer.from(bytes);
  for (let flips = 0; flips < 1 + random.random() * 4 && changed.length > 0; flips++) {
    changed[Math.floor(random.random() * changed.length)] = Math.floor(random.random() * 256);
  }
  return changed;
}

function nested(document: string, random: Random): string {
  const levels = Math.floor(10 ** (random.random() * 4.7));
  const [open, close] = random.pick([
    ["[", "]"],
    ['{"a":', "}"],
    ["[[],", "]"],
  ] as const);
  const deep = `${open.repeat(levels)}1${random.random() < 0.8 ? close.repeat(levels) : ""}`;
  return random.random() < 0.5 ? deep : withValue(document, random, deep);
}

/** Rare: large documents would be most of the bytes. */
function large(document: string, random: Random): string {
  if (random.random() > 0.02) return mutateValue(document, random);
  const size = Math.floor(10 ** (4 + random.random() * 2.1));
  const fill = random.pick(["x", "é", '"', "\\", "[", "\u0000", "1", " "]).repeat(size);
  return random.random() < 0.5 ? fill : withValue(document, random, `"${fill}"`);
}

function randomBytes(length: number, random: Random): Buffer {
  return Buffer.from(Array.from({ length }, () => Math.floor(random.random() * 256)));
}

const NASTY_TEXTS: readonly string[] = [
  "",
  "__proto__",
  "constructor",
  "toString",
  "hasOwnProperty",
  "\0",
  "\ud800",
  "\u202e",
  "a".repeat(10_000),
  "../../etc/passwd",
  "'; drop table inbox; --",
  "<script>alert(1)</script>",
  "%s%n%x",
  "{{7*7}}",
  "\u001b[2J",
  "~0~1/",
  "NaN",
  "🏳️‍🌈",
  "\uffff",
];

const NASTY_VALUES: readonly string[] = [
  ...NASTY_TEXTS.map((text) => JSON.stringify(text)),
  "null",
  "true",
  "{}",
  "[]",
  "[null]",
  "-1",
  "-0",
  "0.1",
  "1e999",
  "-1e999",
  "1e-999",
  "9007199254740991",
  "9007199254740992",
  "9007199254740993",
  "18446744073709551616",
  "1".repeat(400),
  "01",
  "+1",
  ".5",
  "1.",
  "NaN",
  "Infinity",
  "undefined",
  "'single'",
  '"\\u0000"',
  '"\\ud800"',
  '"\\x41"',
  '"\t"',
  '{"__proto__":{"a":1}}',
  '{"a":1,"a":2}',
];

const NASTY_DOCUMENTS: readonly string[] = [
  "",
  " ",
  "null",
  "0",
  '""',
  "[]",
  "{}",
  "{",
  "[",
  '"',
  "\0",
  "tru",
  "{]",
  "[1,]",
  '{"a"}',
  '{"a":}',
  "{,}",
  "[".repeat(50_000),
  '{"":'.repeat(50_000),
  "<a/>",
  "a=1&x=2",
  "\u2028",
];
