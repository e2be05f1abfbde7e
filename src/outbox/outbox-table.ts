/** Every statement on the `outbox` table: events that wait for a relay to other systems. */
import type { OutboxEvent } from "../contract/domain.ts";
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
  await transaction.query(
    `insert into outbox (domain, position, ordinal, topic, key, payload, headers)
     select $1, position, ordinal, topic, key, payload, headers
     from unnest($2::bigint[], $3::integer[], $4::text[], $5::text[], $6::bytea[], $7::jsonb[])
       as happened (position, ordinal, topic, key, payload, headers)`,
    [
      domain,
      events.map(({ position }) => String(position)),
      ordinals,
      events.map(({ topic }) => topic),
      events.map(({ key }) => key),
      events.map(({ payload }) => payload),
      events.map(({ headers = {} }) => JSON.stringify(headers)),
    ],
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
