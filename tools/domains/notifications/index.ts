/** The kit of notifications. */
import { EVENT_BYTES_MAX } from "../../../src/domains/notifications/change.ts";
import { notifications } from "../../../src/domains/notifications/index.ts";
import type { DomainKit } from "../kit.ts";
import { NOTIFICATIONS_DASHBOARD } from "./dashboard.ts";
import { type EventDocument, headersOfEvent, NotificationsFactory } from "./factory.ts";
import { NOTIFICATIONS_GARBAGE, NOTIFICATIONS_HOSTILE } from "./garbage.ts";
import { NotificationsWitness } from "./witness.ts";

export const notificationsKit: DomainKit = {
  domain: notifications,
  messageNoun: "order event",
  intake: (payload) => ({ path: "/notifications/events", headers: headersOfEvent(payload), body: payload }),
  headers: headersOfEvent,
  documentBytesMax: EVENT_BYTES_MAX,
  createFactory: (seed, run) => new NotificationsFactory(seed, run),
  garbage: NOTIFICATIONS_GARBAGE,
  hostile: NOTIFICATIONS_HOSTILE,
  readBack: {
    noun: "orders",
    request: (order) => ({
      path: `/notifications/orders/${order}`,
      headers: process.env.INGRESS_TOKEN ? { authorization: `Bearer ${process.env.INGRESS_TOKEN}` } : {},
    }),
    // Any content may have come first.
    compare: (answer, published) => {
      const { changes } = JSON.parse(answer.toString()) as { changes: EventDocument[] };
      const events = published.map((payload) => JSON.parse(payload.toString()) as EventDocument);
      const isPublished = (change: EventDocument) =>
        events.some(({ status, moment }) => status === change.status && moment === change.moment);
      if (!changes.every(isPublished)) return "different";
      return changes.length < new Set(events.map(({ status }) => status)).size ? "missing" : "complete";
    },
  },
  createWitness: () => new NotificationsWitness(),
  addresses: {},
  dashboard: NOTIFICATIONS_DASHBOARD,
  pictures: {
    page: { name: "notifications", path: "/docs" },
    letter: (factory) => ({
      payload: Buffer.from(factory.valid().payload.toString().replace('"status":"', '"status":"not ')),
      mend: (text) => text.replace(/"status": ?"not /, '"status":"'),
    }),
    commonPath: "/status",
  },
};
