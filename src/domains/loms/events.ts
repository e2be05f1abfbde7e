/** Events for other systems: one for each change of an order's status. */
import type { OutboxEvent } from "../../contract/domain.ts";
import type { Folded } from "./fold.ts";

export const EVENTS_TOPIC = "loms.order-events";

/** The key keeps the events of an order in sequence; the header `sequence` shows consumers a gap. */
export function eventsOf({ changes }: Folded): OutboxEvent[] {
  return changes.map(({ order, user, sequence, status, position, atMs }, ordinal) => ({
    position,
    topic: EVENTS_TOPIC,
    key: String(order),
    payload: Buffer.from(
      JSON.stringify({
        order_id: String(order),
        user: String(user),
        status,
        moment: new Date(atMs).toISOString(),
      }),
    ),
    headers: {
      "message-id": `loms/${position}/${ordinal}`,
      "content-type": "application/json",
      sequence: String(sequence),
    },
  }));
}
