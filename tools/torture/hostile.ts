/** Messages that nobody should send: mutations of orders that keep or break their structure, and plain nonsense. */
import type { OrderFactory } from "../publisher/orders.ts";

/** @returns one hostile message; some of them are good orders all the same. */
export function makeHostile(factory: OrderFactory): Buffer {
  const mutate = factory.pick(MUTATIONS);
  const once = mutate(factory, JSON.stringify(factory.next()));
  // Two mistakes at once find what one does not.
  return factory.random() < 0.2 ? mutateBytes(factory, once) : once;
}

type Mutation = (factory: OrderFactory, order: string) => Buffer;

const MUTATIONS: readonly Mutation[] = [
  mutateValue,
  mutateValue,
  mutateValue,
  mutateName,
  removeOrRepeatMember,
  removeOrRepeatMember,
  (factory, order) => mutateBytes(factory, Buffer.from(order)),
  (factory, order) => Buffer.from(order.slice(0, Math.floor(factory.random() * order.length))),
  (factory) => randomBytes(factory, Math.floor(factory.random() * 400)),
  (factory) => Buffer.from(factory.pick(NASTY_DOCUMENTS)),
  nested,
  (factory, order) => Buffer.from(order, factory.pick(["utf16le", "latin1", "base64", "hex"] as const)),
  (factory, order) =>
    Buffer.from(`${factory.pick(["\ufeff", " ", "\n\n", "//", "<!--", ")]}',\n"])}${order}`),
  (factory, order) => Buffer.from(order + factory.pick([",", "}", order, "\0", " x", "\u2028"])),
  large,
];

/** Another value in the place of one of the order's. */
function mutateValue(factory: OrderFactory, order: string): Buffer {
  const values = [...order.matchAll(/:("(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*|null|true|false)/g)];
  const { index, 0: found } = factory.pick(values) as RegExpExecArray;
  return Buffer.from(
    `${order.slice(0, index)}:${factory.pick(NASTY_VALUES)}${order.slice(index + found.length)}`,
  );
}

function mutateName(factory: OrderFactory, order: string): Buffer {
  const names = [...order.matchAll(/"(\w+)":/g)];
  const { index, 0: found } = factory.pick(names) as RegExpExecArray;
  const name = JSON.stringify(factory.pick(NASTY_TEXTS));
  return Buffer.from(`${order.slice(0, index)}${name}:${order.slice(index + found.length)}`);
}

function removeOrRepeatMember(factory: OrderFactory, order: string): Buffer {
  const members = [...order.matchAll(/"\w+":("(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*),/g)];
  const { index, 0: member } = factory.pick(members) as RegExpExecArray;
  const instead = factory.random() < 0.5 ? "" : member + member;
  return Buffer.from(order.slice(0, index) + instead + order.slice(index + member.length));
}

function mutateBytes(factory: OrderFactory, bytes: Buffer): Buffer {
  const changed = Buffer.from(bytes);
  for (let flips = 0; flips < 1 + factory.random() * 4 && changed.length > 0; flips++) {
    changed[Math.floor(factory.random() * changed.length)] = Math.floor(factory.random() * 256);
  }
  return changed;
}

function nested(factory: OrderFactory, order: string): Buffer {
  const levels = Math.floor(10 ** (factory.random() * 4.7));
  const [open, close] = factory.pick([
    ["[", "]"],
    ['{"a":', "}"],
    ["[[],", "]"],
  ] as const);
  const deep = `${open.repeat(levels)}1${factory.random() < 0.8 ? close.repeat(levels) : ""}`;
  return Buffer.from(factory.random() < 0.5 ? deep : order.replace(/"items":\[/, `"items":[${deep},`));
}

/** Seldom, or they would be most of the bytes. */
function large(factory: OrderFactory, order: string): Buffer {
  if (factory.random() > 0.02) return mutateValue(factory, order);
  const size = Math.floor(10 ** (4 + factory.random() * 2.1));
  const fill = factory.pick(["x", "é", '"', "\\", "[", "\u0000", "1", " "]);
  return Buffer.from(
    factory.random() < 0.5
      ? fill.repeat(size)
      : order.replace('"locale":"', `"locale":"${fill.repeat(size)}`),
  );
}

function randomBytes(factory: OrderFactory, length: number): Buffer {
  return Buffer.from(Array.from({ length }, () => Math.floor(factory.random() * 256)));
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
  "<order/>",
  "order_uid=1&x=2",
  "\u2028",
];
