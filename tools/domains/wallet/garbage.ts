/** Invalid commands in valid JSON. */
import type { GarbageKind, Mutation } from "../kit.ts";

const changed = (change: object, ...paths: string[]): GarbageKind => ({
  code: "schema",
  paths,
  make: (document) => JSON.stringify({ ...DEPOSIT, id: JSON.parse(document).id, ...change }),
});

const DEPOSIT = { type: "deposit", owner: "ann", currency: "USD", amount: "1.00" } as const;

export const WALLET_GARBAGE: Readonly<Record<string, GarbageKind>> = {
  "amount as a number": changed({ amount: 1.5 }, "/amount"),
  "amount with an exponent": changed({ amount: "1e3" }, "/amount"),
  "amount with a sign": changed({ amount: "-1.00" }, "/amount"),
  "amount with a plus": changed({ amount: "+1.00" }, "/amount"),
  "amount with a leading zero": changed({ amount: "01.00" }, "/amount"),
  "amount that begins with its point": changed({ amount: ".5" }, "/amount"),
  "amount of zero": changed({ amount: "0.00" }, "/amount"),
  "amount in full-width digits": changed({ amount: "１００" }, "/amount"),
  "amount that is not a number": changed({ amount: "NaN" }, "/amount"),
  "amount of 70 digits": changed({ amount: "9".repeat(70) }, "/amount"),
  "currency in small letters": changed({ currency: "usd" }, "/currency"),
  "unknown type": changed({ type: "mint" }, "/type"),
  "no type": changed({ type: undefined }, "/type"),
  "owner of the system": changed({ owner: "external" }, "/owner"),
  "no owner": changed({ owner: undefined }, "/owner"),
  "id that is too long": changed({ id: "x".repeat(65) }, "/id"),
  "id with a space": changed({ id: "a b" }, "/id"),
  "id that no address can hold": changed({ id: ".." }, "/id"),
  "unknown member": changed({ fee: "0.10" }, "/fee"),
  "hold that expires in the past": changed({ type: "hold", expires_in_seconds: 0 }, "/expires_in_seconds"),
  "hold for a part of a second": changed({ type: "hold", expires_in_seconds: 1.5 }, "/expires_in_seconds"),
  "two things wrong": changed({ amount: "1,5", currency: "$" }, "/amount", "/currency"),
};

export const WALLET_HOSTILE: readonly Mutation[] = [
  (document) => document.replace(/"amount":"[^"]*"/, `"amount":"${"9".repeat(60)}"`),
  (document) => document.replace(/"amount":"([^"]*)"/, '"amount":"$1.0000000001"'),
  (document) => document.replace(/"(hold|transaction)":"[^"]*"/, '"$1":"__proto__"'),
  (document) => document.replace(/"owner":"[^"]*"/, '"owner":"constructor"'),
];
