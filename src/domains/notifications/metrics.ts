/** What notifications measure of themselves. */
import type { DomainContext } from "../../contract/domain.ts";
import { ARRIVALS, type Arrival } from "./arrival.ts";
import type { StoredChange } from "./changes-table.ts";

/** @returns counts what was projected. */
export function createMetrics({
  metrics,
}: Pick<DomainContext, "metrics">): (added: readonly StoredChange[]) => void {
  const counts = new Map<Arrival, number>(ARRIVALS.map((arrival) => [arrival, 0]));
  metrics.counter(
    "waybill_notifications_changes_total",
    "Changes of orders that this process wrote, by how their sequence follows the one before.",
    ["arrival"],
    () => [...counts].map(([arrival, value]) => ({ value, labels: { arrival } })),
  );
  return (added) => {
    for (const { arrival } of added) counts.set(arrival, (counts.get(arrival) ?? 0) + 1);
  };
}
