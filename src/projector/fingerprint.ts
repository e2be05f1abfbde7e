/**
 * Groups dead letters by cause: the code, and the path and rule of each problem. Array indexes and names outside of the
 * domain's schema are folded, which bounds the number of groups.
 */
import { hash } from "node:crypto";
import type { Rejection } from "../contract/rejection.ts";

/** With `#` for an array's index. */
export type KnownPaths = ReadonlySet<string>;

/** 16 hexadecimal digits. */
export function fingerprintOf({ code, problems }: Rejection, known: KnownPaths): string {
  const causes = new Set(problems.map(({ path, rule }) => `${foldPath(path, known)} ${rule}`));
  const identity = [
    code,
    ...[...causes].sort().slice(0, CAUSES_MAX),
    ...(causes.size > CAUSES_MAX ? ["more"] : []),
  ];
  return hash("sha256", identity.join("\n"), "hex").slice(0, 16);
}

/** `/items/3/price` becomes `/items/#/price`, and `/items/3/made/up` becomes `/items/#/*`. */
export function foldPath(pointer: string, known: KnownPaths): string {
  let folded = "";
  for (const step of foldIndexes(pointer).split("/").slice(1)) {
    const next = `${folded}/${step}`;
    if (!known.has(next)) return `${folded}/*`;
    folded = next;
  }
  return folded;
}

export function foldIndexes(pointer: string): string {
  return pointer.replace(/\/\d+(?=\/|$)/g, "/#");
}

/** Two causes tell most mistakes apart; all combinations would make more groups than letters. */
const CAUSES_MAX = 2;
