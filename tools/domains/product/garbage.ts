/** Invalid commands in valid JSON. */
import type { GarbageKind, Mutation } from "../kit.ts";

const changed = (change: object, ...paths: string[]): GarbageKind => ({
  code: "schema",
  paths,
  make: (document) => JSON.stringify({ ...JSON.parse(document), ...change }),
});

export const PRODUCT_GARBAGE: Readonly<Record<string, GarbageKind>> = {
  "SKU of 0": changed({ sku: 0 }, "/sku"),
  "SKU of 33 bits": changed({ sku: 2 ** 32 }, "/sku"),
  "SKU in a string": changed({ sku: "1002" }, "/sku"),
  "price of 0": changed({ price: 0 }, "/price"),
  "price below 0": changed({ price: -1 }, "/price"),
  "price with a fraction": changed({ price: 9.99 }, "/price"),
  "price of 33 bits": changed({ price: 2 ** 32 }, "/price"),
  "empty name": changed({ name: "" }, "/name"),
  "name of 201 characters": changed({ name: "x".repeat(201) }, "/name"),
  "no name": changed({ name: undefined }, "/name"),
  "unknown type": changed({ type: "product.delete" }, "/type"),
  "no type": changed({ type: undefined }, "/type"),
  "id with a space": changed({ id: "a b" }, "/id"),
  "unknown member": changed({ currency: "EUR" }, "/currency"),
  "two things wrong": changed({ sku: -1, price: "free" }, "/sku", "/price"),
};

export const PRODUCT_HOSTILE: readonly Mutation[] = [
  (document) => document.replace(/"price":\d+/, '"price":1e400'),
  (document) => document.replace(/"sku":\d+/, '"sku":4294967295'),
  (document) => document.replace(/"name":"[^"]*"/, '"name":"__proto__"'),
];
