/** Order events as Kafka delivers them, with every kind of mistake among them. */
import { headersToJson } from "../../../src/contract/headers.ts";
import type { Message } from "../../../src/contract/message.ts";
import { headersOfEvent, NotificationsFactory } from "../../../tools/domains/notifications/factory.ts";
import { notificationsKit } from "../../../tools/domains/notifications/index.ts";
import { makeLoad } from "../../../tools/publisher/load.ts";
import { messageOf } from "../messages.ts";

/** @param headers by default those of the order service. */
export function eventMessage(event: object | Buffer, headers?: Record<string, string>): Message {
  const payload = Buffer.isBuffer(event) ? event : Buffer.from(JSON.stringify(event));
  const stored = headersToJson({ headers: Object.entries(headers ?? headersOfEvent(payload)) });
  return messageOf(payload, {
    channel: "loms.order-events",
    ...(stored === undefined ? {} : { headers: stored }),
  });
}

export function validEvents(count: number): Message[] {
  const factory = new NotificationsFactory(1, "valid");
  return Array.from({ length: count }, () => eventMessage(factory.valid().payload));
}

/** With garbage, duplicates, conflicts and so gaps. */
export function notificationsMessages(count: number, seed: number): Message[] {
  const load = makeLoad(notificationsKit, new NotificationsFactory(seed, `seed${seed}`), count, MIX);
  return [...load].map(({ payload }) => eventMessage(payload));
}

const MIX = { garbage: 0.15, duplicates: 0.15, conflicts: 0.1 };
