/** What an event must be for the outbox to hold it and for any broker to carry it. */
import type { OutboxEvent } from "../contract/domain.ts";

/**
 * Checks the events of one batch, before anything is written.
 * @param projected the positions of the batch that end as `projected`, in their order.
 * @throws Error naming the position, if an event is not what the contract says; the message that caused it is then
 * isolated and buried, and its neighbours pass.
 */
export function checkEvents(events: readonly OutboxEvent[], projected: readonly bigint[]): void {
  const places = new Map(projected.map((position, place) => [position, place]));
  let last = -1;
  for (const { position, topic, key, payload, headers = {} } of events) {
    const place = places.get(position);
    if (place === undefined) throw new Error(`an event of position ${position}, which is not projected here`);
    if (place < last) throw new Error(`an event of position ${position} out of order`);
    last = place;
    if (payload.length > EVENT_BYTES_MAX) {
      throw new Error(`an event of position ${position} has ${payload.length} bytes; ${EVENT_BYTES_MAX} fit`);
    }
    const texts = [topic, key, ...Object.keys(headers), ...Object.values(headers)];
    if (topic === "" || !texts.every(isStorable)) {
      throw new Error(
        `an event of position ${position} has a topic, key or header that is not storable text`,
      );
    }
  }
}

/** PostgreSQL's text holds no U+0000, and half of a surrogate pair is not text. */
function isStorable(text: string): boolean {
  return !text.includes("\0") && text.isWellFormed();
}

/** The CHECK of the table, and what brokers accept by default. */
const EVENT_BYTES_MAX = 1024 * 1024;
