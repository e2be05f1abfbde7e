/** Order changes and gaps. */
import type { Dashboard } from "../../dashboards/panels.ts";

const LABELS = 'domain="notifications"';

export const NOTIFICATIONS_DASHBOARD: Dashboard = {
  uid: "waybill-notifications",
  title: "Waybill: notifications",
  description: "Order changes that became notifications, and gaps between them.",
  rows: {
    Changes: [
      {
        title: "Changes",
        description: "Order changes that became notifications, from all processes.",
        unit: "reqps",
        queries: { changes: `sum(rate(waybill_notifications_changes_total{${LABELS}}[1m]))` },
      },
      {
        title: "Gaps",
        description:
          "Changes that do not follow their order's previous change: a change is missing or late. Normally 0.",
        unit: "short",
        queries: {
          "{{arrival}}": `sum by (arrival) (increase(waybill_notifications_changes_total{${LABELS}, arrival!="in_order"}[5m]))`,
        },
      },
      {
        title: "Pending",
        description: "Events in the inbox that are not notifications yet.",
        unit: "short",
        queries: { pending: `max(waybill_pending_messages{${LABELS}})` },
      },
    ],
  },
};
