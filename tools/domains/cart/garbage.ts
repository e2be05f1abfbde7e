/** Invalid commands in valid JSON. */
import { INT64_MAX } from "../../../src/contract/values/integers.ts";
import type { GarbageKind, Mutation } from "../kit.ts";

const ADD = { type: "item.add", user: "31337", sku: 1002, count: 2, available: "180" } as const;
const FAILED = {
  type: "checkout.failed",
  user: "31337",
  status: "FAILED_PRECONDITION",
  message: "",
} as const;

const changed = (change: object, ...paths: string[]): GarbageKind => broken(ADD, change, ...paths);

function broken(command: object, change: object, ...paths: string[]): GarbageKind {
  return {
    code: "schema",
    paths,
    make: (document) => JSON.stringify({ id: idOf(document), ...command, ...change }),
  };
}

/** An id that ends a checkout is invalid for other commands. */
const idOf = (document: string): string => String(JSON.parse(document).id).replace(/ .*/, "");

export const CART_GARBAGE: Readonly<Record<string, GarbageKind>> = {
  "user as a number": changed({ user: 31337 }, "/user"),
  "user of 0": changed({ user: "0" }, "/user"),
  "user below 0": changed({ user: "-1" }, "/user"),
  "user with a leading zero": changed({ user: "01" }, "/user"),
  "user of 65 bits": changed({ user: "9223372036854775808" }, "/user"),
  "user in full-width digits": changed({ user: "３１３" }, "/user"),
  "no user": changed({ user: undefined }, "/user"),
  "SKU of 0": changed({ sku: 0 }, "/sku"),
  "SKU of 33 bits": changed({ sku: 2 ** 32 }, "/sku"),
  "SKU in a string": changed({ sku: "1002" }, "/sku"),
  "count of 0": changed({ count: 0 }, "/count"),
  "count below 0": changed({ count: -1 }, "/count"),
  "count of 17 bits": changed({ count: 65_536 }, "/count"),
  "count with a fraction": changed({ count: 1.5 }, "/count"),
  "stock below 0": changed({ available: "-1" }, "/available"),
  "stock of 65 bits": changed({ available: "18446744073709551616" }, "/available"),
  "stock as a number": changed({ available: 180 }, "/available"),
  "unknown type": changed({ type: "item.steal" }, "/type"),
  "no type": changed({ type: undefined }, "/type"),
  "id with a space": changed({ id: "a b" }, "/id"),
  "id that is too long": changed({ id: "x".repeat(65) }, "/id"),
  "unknown member": changed({ price: 1 }, "/price"),
  "end of a checkout without its id": broken(FAILED, { id: "c done" }, "/checkout"),
  "end of a checkout under a caller's id": broken(FAILED, { checkout: "c" }, "/id"),
  "status in small letters": broken(
    FAILED,
    { id: "c failed", checkout: "c", status: "unavailable" },
    "/status",
  ),
  "reason in words": broken(FAILED, { id: "c failed", checkout: "c", reason: "too little" }, "/reason"),
  "two things wrong": changed({ sku: -1, count: "many" }, "/sku", "/count"),
};

export const CART_HOSTILE: readonly Mutation[] = [
  (document) => document.replace(/"user":"[^"]*"/, `"user":"${INT64_MAX}"`),
  (document) => document.replace(/"available":"[^"]*"/, '"available":"18446744073709551615"'),
  (document) => document.replace(/"count":\d+/, '"count":65535'),
  (document) => document.replace(/"sku":\d+/, '"sku":4294967295'),
  (document) => document.replace(/"checkout":"[^"]*"/, '"checkout":"__proto__"'),
  (document) => document.replace(/"id":"[^"]*"/, '"id":"constructor"'),
];
