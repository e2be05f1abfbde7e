/** Metrics of notifications. */
import type { DomainContext } from "../../contract/domain.ts";
import { ARRIVALS, type Arrival } from "./arrival.ts";
import type { StoredChange } from "./changes-table.ts";

/** @returns a function that counts projected changes. */
export function createMetrics({
  metrics,
}: Pick<DomainContext, "metrics">): (added: readonly StoredChange[]) => void {
  const counts = new Map<Arrival, number>(ARRIVALS.map((arrival) => [arrival, 0]));
  metrics.counter(
    "waybill_notifications_changes_total",
    "Changes of orders written by this process, by sequence: in order, after a gap, or out of order.",
    ["arrival"],
    () => [...counts].map(([arrival, value]) => ({ value, labels: { arrival } })),
  );
  return (added) => {
    for (const { arrival } of added) counts.set(arrival, (counts.get(arrival) ?? 0) + 1);
  };
}
