/**
 * How a change follows those of its order that came before it. Every change is written: what was lost or late is counted,
 * and an alert says so, but the user hears what is known.
 */
export const ARRIVALS = ["in_order", "gap", "out_of_order"] as const;
export type Arrival = (typeof ARRIVALS)[number];

/** @param last the greatest sequence of the order so far; 0 if there is none. */
export function arrivalOf(sequence: number, last: number): Arrival {
  if (sequence === last + 1) return "in_order";
  // What comes later into a gap does not close it: the change arrived too late for the order of its notifications.
  return sequence > last ? "gap" : "out_of_order";
}
