/** Every statement on the `outbox` table: events that wait for a relay to other systems. */
import type { OutboxEvent } from "../contract/domain.ts";
import { withCopyData } from "../database/copy/copy-encoder.ts";
import type { Transaction } from "../database/transaction.ts";

/**
 * Adds the events of one batch in the caller's transaction.
 * @param events in position order; events of one position in the order in which they happened.
 */
export async function insertEvents(
  transaction: Transaction,
  domain: string,
  events: readonly OutboxEvent[],
): Promise<void> {
  if (events.length === 0) return;
  const ordinals = ordinalsOf(events);
  await withCopyData(
    (rows) => {
      for (const [index, { position, topic, key, payload, headers = {} }] of events.entries()) {
        rows.row(7);
        rows.constant(domain);
        rows.bigint(position);
        rows.integer(ordinals[index] as number);
        rows.constant(topic);
        rows.text(key);
        rows.bytes(payload);
        rows.jsonb(JSON.stringify(headers));
      }
    },
    (data) =>
      transaction.script(
        "copy outbox (domain, position, ordinal, topic, key, payload, headers) from stdin (format binary)",
        data,
      ),
  );
}

/** The place of each event among those of its position, from 0. */
function ordinalsOf(events: readonly OutboxEvent[]): number[] {
  let last: bigint | undefined;
  let ordinal = -1;
  return events.map(({ position }) => {
    ordinal = position === last ? ordinal + 1 : 0;
    last = position;
    return ordinal;
  });
}
