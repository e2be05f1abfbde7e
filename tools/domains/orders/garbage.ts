/** Invalid orders in valid JSON. */
import type { GarbageKind } from "../kit.ts";
import type { OrderDocument } from "./factory.ts";

type Kind = Omit<GarbageKind, "make"> & Readonly<{ make: (order: OrderDocument) => string }>;

/** For JSON that JSON.stringify cannot produce. */
function edit(order: OrderDocument, found: string | RegExp, replacement: string): string {
  const text = JSON.stringify(order);
  const edited = text.replace(found, () => replacement);
  if (edited === text) throw new Error(`the order does not contain ${found}`);
  return edited;
}

function withItem(order: OrderDocument, change: object): string {
  return JSON.stringify({ ...order, items: [...order.items, { ...order.items[0], ...change }] });
}

function without(order: OrderDocument, name: keyof OrderDocument): string {
  return JSON.stringify({ ...order, [name]: undefined });
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
  "customer named twice": {
    code: "schema",
    paths: ["/customer_id"],
    make: (order) => edit(order, /}$/, ',"customer_id":"someone else"}'),
  },
  "amount named twice": {
    code: "schema",
    paths: ["/payment/amount"],
    make: (order) => edit(order, '"payment":{', '"payment":{"amount":1,'),
  },
  "NUL in a person's name": {
    code: "schema",
    paths: ["/delivery/name"],
    make: (order) => edit(order, /"name":"[^"]*"/, '"name":"Te\\u0000st"'),
  },
  "lone surrogate in a city": {
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

export const ORDER_GARBAGE: Readonly<Record<string, GarbageKind>> = Object.fromEntries(
  Object.entries(KINDS).map(([name, kind]) => [
    name,
    { ...kind, make: (document: string) => kind.make(JSON.parse(document) as OrderDocument) },
  ]),
);
