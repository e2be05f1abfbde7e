/**
 * What dead letters have in common when they have the same cause: the code, and the place and rule of each problem.
 * A place is named by what the domain's schema knows: array indexes and names that a sender made up are folded, so the
 * number of groups depends on the schema and not on the senders.
 */
import { hash } from "node:crypto";
import type { Rejection } from "../contract/rejection.ts";

/** The JSON pointers that a domain's schema knows, with `#` for any index of an array. */
export type KnownPaths = ReadonlySet<string>;

/** 16 hexadecimal digits; equal for rejections with the same cause. */
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

/** The same mistake in another item is the same mistake. */
export function foldIndexes(pointer: string): string {
  return pointer.replace(/\/\d+(?=\/|$)/g, "/#");
}

/**
 * A schema of forty members can be broken in more ways than there are letters. The first two causes tell most mistakes
 * apart, and leave some thousand groups at most.
 */
const CAUSES_MAX = 2;
