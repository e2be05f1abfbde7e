/**
 * Everything that may arrive and is no order, each with the code and the paths it must be buried under. Whoever adds
 * a kind adds what has to become of it.
 */
import type { OrderDocument, OrderFactory } from "./orders.ts";

export type Garbage = Readonly<{
  kind: string;
  payload: Buffer;
  code: string;
  /** The paths of the problems, in any order; undefined where it depends on chance. */
  paths: readonly string[] | undefined;
}>;

type Kind = Readonly<{
  code: string;
  paths?: readonly string[];
  make: (order: OrderDocument, factory: OrderFactory) => string | Buffer;
}>;

/** @param kind a name of GARBAGE_KINDS; any by default. */
export function makeGarbage(factory: OrderFactory, kind = factory.pick(GARBAGE_KINDS)): Garbage {
  const { code, paths, make } = KINDS[kind] as Kind;
  const payload = make(factory.next(), factory);
  return { kind, code, paths, payload: Buffer.isBuffer(payload) ? payload : Buffer.from(payload) };
}

/** The order's JSON with a piece of its text replaced: for what no JSON.stringify would write. */
function edit(order: OrderDocument, from: string | RegExp, to: string): string {
  const text = JSON.stringify(order);
  const edited = text.replace(from, () => to);
  if (edited === text) throw new Error(`the order holds no ${from}`);
  return edited;
}

function withItem(order: OrderDocument, change: object): string {
  return JSON.stringify({ ...order, items: [...order.items, { ...order.items[0], ...change }] });
}

function without(order: OrderDocument, name: keyof OrderDocument): string {
  return JSON.stringify({ ...order, [name]: undefined });
}

function deep(levels: number): string {
  return "[".repeat(levels) + "]".repeat(levels);
}

const ITEM_FIELDS = [
  "chrt_id",
  "track_number",
  "price",
  "rid",
  "name",
  "sale",
  "size",
  "total_price",
  "nm_id",
  "brand",
  "status",
];

const KINDS: Readonly<Record<string, Kind>> = {
  empty: { code: "empty", paths: [""], make: () => "" },
  "too large": {
    code: "too_large",
    paths: [""],
    make: (order) => JSON.stringify({ ...order, note: "x".repeat(1024 * 1024) }),
  },
  "random bytes": {
    code: "not_utf8",
    paths: [""],
    make: (_order, factory) =>
      Buffer.from([0xff, ...Array.from({ length: 64 }, () => Math.floor(factory.random() * 256))]),
  },
  "cut-off UTF-8": {
    code: "not_utf8",
    paths: [""],
    make: (order) => Buffer.concat([Buffer.from(JSON.stringify(order)), Buffer.from([0xe2, 0x82])]),
  },
  "encoded surrogate": {
    code: "not_utf8",
    paths: [""],
    make: (order) => {
      const text = Buffer.from(edit(order, '"entry":"WBIL"', '"entry":"@@@"'));
      text.set([0xed, 0xa0, 0x80], text.indexOf("@@@"));
      return text;
    },
  },
  "plain text": { code: "not_json", paths: [""], make: () => "hello, is this thing on?" },
  "cut-off JSON": {
    code: "not_json",
    paths: ["/delivery"],
    make: (order) => `${JSON.stringify(order).split('"delivery":{')[0]}"delivery":{`,
  },
  "trailing comma": { code: "not_json", paths: [""], make: (order) => edit(order, /}$/, ",}") },
  "byte order mark": { code: "not_json", paths: [""], make: (order) => `\ufeff${JSON.stringify(order)}` },
  "raw control character": {
    code: "not_json",
    paths: ["/entry"],
    make: (order) => edit(order, '"entry":"WBIL"', '"entry":"a\u0001b"'),
  },
  NaN: { code: "not_json", paths: ["/sm_id"], make: (order) => edit(order, /"sm_id":\d+/, '"sm_id":NaN') },
  "a hundred thousand open brackets": {
    code: "not_json",
    make: () => "[".repeat(100_000),
  },
  "null document": { code: "schema", paths: [""], make: () => "null" },
  "array document": { code: "schema", paths: [""], make: () => "[]" },
  "number document": { code: "schema", paths: [""], make: () => "42" },
  "deeply nested": {
    code: "schema",
    paths: [`/note${"/0".repeat(63)}`],
    make: (order) => edit(order, /}$/, `,"note":${deep(65)}}`),
  },
  "a hundred thousand levels": { code: "schema", paths: ["/0".repeat(64)], make: () => deep(100_000) },
  "repeated name": {
    code: "schema",
    paths: ["/customer_id"],
    make: (order) => edit(order, /}$/, ',"customer_id":"someone else"}'),
  },
  "repeated name within": {
    code: "schema",
    paths: ["/payment/amount"],
    make: (order) => edit(order, '"payment":{', '"payment":{"amount":1,'),
  },
  "repeated __proto__": {
    code: "schema",
    paths: ["/__proto__"],
    make: (order) => edit(order, /}$/, ',"__proto__":{"a":1},"__proto__":{"a":2}}'),
  },
  "NUL in a string": {
    code: "schema",
    paths: ["/delivery/name"],
    make: (order) => edit(order, /"name":"[^"]*"/, '"name":"Te\\u0000st"'),
  },
  "NUL in a name": {
    code: "schema",
    paths: ["/a\ufffdb"],
    make: (order) => edit(order, /}$/, ',"a\\u0000b":1}'),
  },
  "lone surrogate": {
    code: "schema",
    paths: ["/delivery/city"],
    make: (order) => edit(order, /"city":"[^"]*"/, '"city":"\\ud800"'),
  },
  "missing field": {
    code: "schema",
    paths: ["/customer_id"],
    make: (order) => without(order, "customer_id"),
  },
  "missing section": { code: "schema", paths: ["/payment"], make: (order) => without(order, "payment") },
  "no items": { code: "schema", paths: ["/items"], make: (order) => JSON.stringify({ ...order, items: [] }) },
  "items as an object": {
    code: "schema",
    paths: ["/items"],
    make: (order) => JSON.stringify({ ...order, items: {} }),
  },
  "section as an array": {
    code: "schema",
    paths: ["/delivery"],
    make: (order) => JSON.stringify({ ...order, delivery: [] }),
  },
  "wrong types": {
    code: "schema",
    paths: ["/order_uid", "/sm_id", "/payment"],
    make: (order) => JSON.stringify({ ...order, order_uid: 17, sm_id: "99", payment: "cash" }),
  },
  "price as text": { code: "schema", make: (order) => withItem(order, { price: "453" }) },
  "fraction of a cent": {
    code: "schema",
    paths: ["/payment/amount"],
    make: (order) => edit(order, /"amount":\d+/, '"amount":18.17'),
  },
  "negative amount": {
    code: "schema",
    paths: ["/payment/goods_total"],
    make: (order) => edit(order, /"goods_total":\d+/, '"goods_total":-1'),
  },
  "integer past 2^53": {
    code: "schema",
    paths: ["/items/0/chrt_id"],
    make: (order) => edit(order, /"chrt_id":\d+/, '"chrt_id":9007199254740993'),
  },
  "number past every range": {
    code: "schema",
    paths: ["/items/0/nm_id"],
    make: (order) => edit(order, /"nm_id":\d+/, '"nm_id":1e400'),
  },
  "empty id": {
    code: "schema",
    paths: ["/order_uid"],
    make: (order) => JSON.stringify({ ...order, order_uid: "" }),
  },
  "id too long": {
    code: "schema",
    paths: ["/order_uid"],
    make: (order) => JSON.stringify({ ...order, order_uid: "x".repeat(129) }),
  },
  "id with a line break": {
    code: "schema",
    paths: ["/order_uid"],
    make: (order) => JSON.stringify({ ...order, order_uid: "a\nb" }),
  },
  "lower-case currency": {
    code: "schema",
    paths: ["/payment/currency"],
    make: (order) => edit(order, /"currency":"[A-Z]{3}"/, '"currency":"usd"'),
  },
  "no such day": {
    code: "schema",
    paths: ["/date_created"],
    make: (order) => JSON.stringify({ ...order, date_created: "2025-02-29T06:22:19Z" }),
  },
  "date without a time zone": {
    code: "schema",
    paths: ["/date_created"],
    make: (order) => JSON.stringify({ ...order, date_created: "2025-02-28T06:22:19" }),
  },
  "__proto__ instead of members": {
    code: "schema",
    paths: ["/items/0"],
    make: (order) =>
      edit(order, /"items":\[.*?\]/, '"items":[null]').replace("{", '{"__proto__":{"items":1},'),
  },
  "a hundred thousand items": {
    code: "schema",
    paths: Array.from({ length: 100 }, (_none, index) => `/items/${index}`),
    make: (order) => JSON.stringify({ ...order, items: Array(100_000).fill(0) }),
  },
  "items that lack everything": {
    code: "schema",
    paths: ITEM_FIELDS.map((field) => `/items/0/${field}`),
    make: (order) => JSON.stringify({ ...order, items: [{}] }),
  },
};

export const GARBAGE_KINDS: readonly string[] = Object.keys(KINDS);
