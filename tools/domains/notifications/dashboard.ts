/** What users hear of their orders, and whether something was lost on the way. */
import type { Dashboard } from "../../dashboards/panels.ts";

const OF = 'domain="notifications"';

export const NOTIFICATIONS_DASHBOARD: Dashboard = {
  uid: "waybill-notifications",
  title: "Waybill: notifications",
  description: "What users hear of their orders, and whether something was lost on the way.",
  rows: {
    "What do users hear?": [
      {
        title: "Changes",
        description: "Changes of orders that became messages, by all processes together.",
        unit: "reqps",
        queries: { changes: `sum(rate(waybill_notifications_changes_total{${OF}}[1m]))` },
      },
      {
        title: "Gaps",
        description:
          "Changes that do not follow the one before of their order: one is missing, or came too late. Ordinarily none.",
        unit: "short",
        queries: {
          "{{arrival}}": `sum by (arrival) (increase(waybill_notifications_changes_total{${OF}, arrival!="in_order"}[5m]))`,
        },
      },
      {
        title: "Pending",
        description: "Events in the inbox that are no messages yet.",
        unit: "short",
        queries: { pending: `max(waybill_pending_messages{${OF}})` },
      },
    ],
  },
};
