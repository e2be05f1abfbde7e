/** Invalid events in valid JSON. */
import { INT64_MAX } from "../../../src/contract/values/integers.ts";
import type { GarbageKind, Mutation } from "../kit.ts";

const changed = (change: object, ...paths: string[]): GarbageKind => ({
  code: "schema",
  paths,
  make: (document) => JSON.stringify({ ...JSON.parse(document), ...change }),
});

export const NOTIFICATIONS_GARBAGE: Readonly<Record<string, GarbageKind>> = {
  "no order": changed({ order_id: undefined }, "/order_id"),
  "order 0": changed({ order_id: "0" }, "/order_id"),
  "order as a number": changed({ order_id: 7 }, "/order_id"),
  "order of 64 bits": changed({ order_id: "9223372036854775808" }, "/order_id"),
  "no user": changed({ user: undefined }, "/user"),
  "user 0": changed({ user: "0" }, "/user"),
  "user as a number": changed({ user: 31337 }, "/user"),
  "no status": changed({ status: undefined }, "/status"),
  "status of no order": changed({ status: "canceled" }, "/status"),
  "no moment": changed({ moment: undefined }, "/moment"),
  "moment without a time": changed({ moment: "2026-01-01" }, "/moment"),
  "moment with an offset": changed({ moment: "2026-01-01T00:00:00.000+01:00" }, "/moment"),
  "moment without milliseconds": changed({ moment: "2026-01-01T00:00:00Z" }, "/moment"),
  "moment that no calendar has": changed({ moment: "2026-02-30T00:00:00.000Z" }, "/moment"),
  "moment before 1970": changed({ moment: "1969-12-31T23:59:59.999Z" }, "/moment"),
  "two things wrong": changed({ user: "", moment: "yesterday" }, "/user", "/moment"),
};

export const NOTIFICATIONS_HOSTILE: readonly Mutation[] = [
  (document) => document.replace(/"order_id":"\d+"/, `"order_id":"${INT64_MAX}"`),
  (document) => document.replace(/"status":"[^"]*"/, '"status":"constructor"'),
  (document) => document.replace(/"moment":"\d{4}/, '"moment":"9999'),
  (document) => document.replace(/"user":"\d+"/, '"user":"__proto__"'),
];
