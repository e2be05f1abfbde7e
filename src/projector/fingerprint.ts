/**
 * What dead letters have in common when they have the same cause: the code, and the place and rule of each problem
 * with array indexes folded. Grouping by exception would say nothing, since all schema failures share one.
 */
import { hash } from "node:crypto";
import type { Rejection } from "../contract/rejection.ts";

/** 16 hexadecimal digits; equal for rejections with the same cause. */
export function fingerprintOf(rejection: Rejection): string {
  const causes = new Set<string>();
  for (const { path, rule } of rejection.problems) causes.add(`${foldIndexes(path)} ${rule}`);
  const identity = [rejection.code, ...[...causes].sort()].join("\n");
  return hash("sha256", identity, "hex").slice(0, 16);
}

/** `/items/3/price` becomes `/items/#/price`: the same mistake in another item is the same mistake. */
export function foldIndexes(pointer: string): string {
  return pointer.replace(/\/\d+(?=\/|$)/g, "/#");
}
