/** What a run prints at its end. */
import type { LoadReport } from "./load.ts";
import type { Verdict } from "./verify.ts";

export function describeLoad({ purchases, refusedAdds, seconds }: LoadReport, seed: number): string {
  const ordered = purchases.filter(({ orderId }) => orderId !== undefined);
  const times = purchases.map((purchase) => purchase.seconds).sort((one, other) => one - other);
  const milliseconds = (share: number) =>
    Math.round((times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? 0) * 1000);
  const ended = (how: string) => ordered.filter(({ end }) => end === how).length;
  return `seed ${seed}: ${purchases.length} checkouts in ${seconds.toFixed(1)} s (${Math.round(purchases.length / seconds)}/s), p50 ${milliseconds(0.5)} ms, p99 ${milliseconds(0.99)} ms
${ordered.length} ordered (${ended("payed")} payed, ${ended("cancelled")} cancelled, ${ended("left")} waiting), ${purchases.length - ordered.length} failed; ${refusedAdds} adds refused for lack of stock
`;
}

/** How many faults of each kind struck. */
export function describeCounts(counts: ReadonlyMap<string, number>): string {
  const kinds = [...counts].sort(([one], [other]) => one.localeCompare(other));
  const total = kinds.reduce((sum, [, count]) => sum + count, 0);
  return `${total} faults:\n${kinds.map(([name, count]) => `  ${String(count).padStart(4)}  ${name}\n`).join("")}`;
}

export function describeVerdict({ findings, orders, changes, copies }: Verdict): string {
  if (findings.length > 0) {
    const shown = findings.slice(0, FINDINGS_MAX).map((text) => `  ${text}\n`);
    const more = findings.length > FINDINGS_MAX ? `  and ${findings.length - FINDINGS_MAX} more\n` : "";
    return `NOT everything holds:\n${shown.join("")}${more}`;
  }
  return `${orders} orders: no SKU is oversold, every checkout has one order, every payed order moved its stock once.
${changes} changes of orders: each is one notification, in order; ${copies} copies were recognised.
All audits hold.
`;
}

const FINDINGS_MAX = 20;
