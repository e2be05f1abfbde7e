/** What other systems hear of loms: one event for each status that an order comes into. */
import type { OutboxEvent } from "../../contract/domain.ts";
import type { Folded } from "./fold.ts";

export const EVENTS_TOPIC = "loms.order-events";

/** Events of one order keep their order. The header `sequence` counts them, so that a consumer sees a gap. */
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
