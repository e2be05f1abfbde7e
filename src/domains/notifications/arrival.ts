/** Whether a change arrives in sequence. Every change is stored; gaps and late changes are counted and alerted. */
export const ARRIVALS = ["in_order", "gap", "out_of_order"] as const;
export type Arrival = (typeof ARRIVALS)[number];

/** @param last greatest sequence of the order so far, or 0. */
export function arrivalOf(sequence: number, last: number): Arrival {
  if (sequence === last + 1) return "in_order";
  // A late change does not close its gap: the user was notified out of order.
  return sequence > last ? "gap" : "out_of_order";
}
