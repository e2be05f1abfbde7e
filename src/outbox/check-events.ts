/** Validates events: the outbox must be able to store them, and a broker to accept them. */
import type { OutboxEvent } from "../contract/domain.ts";

/**
 * @param projected positions with the outcome `projected`, in order.
 * @throws Error that names the position; its message is then isolated and becomes a dead letter.
 */
export function checkEvents(events: readonly OutboxEvent[], projected: readonly bigint[]): void {
  const places = new Map(projected.map((position, place) => [position, place]));
  let last = -1;
  for (const { position, topic, key, payload, headers = {} } of events) {
    const place = places.get(position);
    if (place === undefined)
      throw new Error(`an event has position ${position}, which was not projected in this batch`);
    if (place < last) throw new Error(`an event of position ${position} is out of order`);
    last = place;
    if (payload.length > EVENT_BYTES_MAX) {
      throw new Error(
        `an event of position ${position} has ${payload.length} bytes, more than ${EVENT_BYTES_MAX}`,
      );
    }
    const texts = [topic, key, ...Object.keys(headers), ...Object.values(headers)];
    if (topic === "" || !texts.every(isStorable)) {
      throw new Error(
        `an event of position ${position} has a topic, key or header that is not storable text`,
      );
    }
  }
}

/** PostgreSQL's text accepts neither U+0000 nor lone surrogates. */
function isStorable(text: string): boolean {
  return !text.includes("\0") && text.isWellFormed();
}

/** The table's CHECK, and the default limit of brokers. */
const EVENT_BYTES_MAX = 1024 * 1024;
