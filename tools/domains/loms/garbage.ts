/** Invalid commands in valid JSON. */
import { INT64_MAX } from "../../../src/contract/values/integers.ts";
import type { GarbageKind, Mutation } from "../kit.ts";

const changed = (change: object, ...paths: string[]): GarbageKind => ({
  code: "schema",
  paths,
  make: (document) => JSON.stringify({ ...ORDER, id: JSON.parse(document).id, ...change }),
});

const ITEM = { sku: 1002, count: 1 } as const;
const ORDER = { type: "order.create", user: "31337", items: [ITEM] } as const;
const PUT = {
  type: "stock.put",
  sku: 1002,
  total: 10,
  reserved: 0,
  user: undefined,
  items: undefined,
} as const;

export const LOMS_GARBAGE: Readonly<Record<string, GarbageKind>> = {
  "count of zero": changed({ items: [{ ...ITEM, count: 0 }] }, "/items/0/count"),
  "count below zero": changed({ items: [{ ...ITEM, count: -1 }] }, "/items/0/count"),
  "count of 65,536": changed({ items: [ITEM, { ...ITEM, count: 65_536 }] }, "/items/1/count"),
  "half a piece": changed({ items: [{ ...ITEM, count: 0.5 }] }, "/items/0/count"),
  "count in a string": changed({ items: [{ ...ITEM, count: "1" }] }, "/items/0/count"),
  "SKU of zero": changed({ items: [{ ...ITEM, sku: 0 }] }, "/items/0/sku"),
  "SKU of 33 bits": changed({ items: [{ ...ITEM, sku: 2 ** 32 }] }, "/items/0/sku"),
  "item without SKU": changed({ items: [{ count: 1 }] }, "/items/0/sku"),
  "item with a price": changed({ items: [{ ...ITEM, price: 1 }] }, "/items/0/price"),
  "no items": changed({ items: undefined }, "/items"),
  "empty order": changed({ items: [] }, "/items"),
  "1,001 items": changed({ items: Array(1_001).fill(ITEM) }, "/items"),
  "user of zero": changed({ user: "0" }, "/user"),
  "user as a number": changed({ user: 31337 }, "/user"),
  "user of 64 bits": changed({ user: "9223372036854775808" }, "/user"),
  "unknown type": changed({ type: "order.refund" }, "/type"),
  "no type": changed({ type: undefined }, "/type"),
  "id that is too long": changed({ id: "x".repeat(65) }, "/id"),
  "id with a space": changed({ id: "tick 1" }, "/id"),
  "unknown member": changed({ coupon: "x" }, "/coupon"),
  "payment of no order": changed({ type: "order.pay", user: undefined, items: undefined }, "/order"),
  "payment of order 0": changed(
    { type: "order.pay", order: "0", user: undefined, items: undefined },
    "/order",
  ),
  "stock below zero": changed({ ...PUT, total: -1 }, "/total"),
  "stock of more pieces than can be": changed({ ...PUT, total: 10 ** 12 + 1 }, "/total"),
  "two things wrong": changed({ user: "", items: [{ ...ITEM, count: 0 }] }, "/user", "/items/0/count"),
};

export const LOMS_HOSTILE: readonly Mutation[] = [
  (document) => document.replace(/"count":\d+/, '"count":65536'),
  (document) => document.replace(/"sku":\d+/, '"sku":4294967295'),
  (document) => document.replace(/"order":"[^"]*"/, `"order":"${INT64_MAX}"`),
  (document) =>
    document.replace(/"items":\[(.*)\]/, (_all, items) => `"items":[${Array(1_001).fill(items)}]`),
  (document) => document.replace(/"user":"[^"]*"/, '"user":"constructor"'),
];
