/** What is ordered, what is declined and why, and whether unpaid orders are cancelled in time. */
import type { Dashboard } from "../../dashboards/panels.ts";

const OF = 'domain="loms"';

export const LOMS_DASHBOARD: Dashboard = {
  uid: "waybill-loms",
  title: "Waybill: loms",
  description: "What is ordered, what is declined and why, and whether unpaid orders are cancelled in time.",
  rows: {
    "What is asked?": [
      {
        title: "Commands by type",
        description: "Decided by all processes together.",
        unit: "reqps",
        queries: { "{{type}}": `sum by (type) (rate(waybill_loms_commands_total{${OF}}[1m]))` },
      },
      {
        title: "Declines by reason",
        description:
          "insufficient_stock is everyday. A rise of another one is a client that has changed, or a product without stock.",
        unit: "reqps",
        queries: { "{{reason}}": `sum by (reason) (rate(waybill_loms_declines_total{${OF}}[1m])) > 0` },
      },
      {
        title: "Pending",
        description: "Commands in the inbox that have no decision yet.",
        unit: "short",
        queries: { pending: `max(waybill_pending_messages{${OF}})` },
      },
    ],
    "What becomes of orders?": [
      {
        title: "Orders by status",
        description: "How many come into each status. All that are new await their payment or failed.",
        unit: "reqps",
        queries: { "{{status}}": `sum by (status) (rate(waybill_loms_changes_total{${OF}}[1m]))` },
      },
      {
        title: "Failed share",
        description: "Of new orders. Near 1 nothing can be ordered any more: look at the stocks.",
        unit: "percentunit",
        queries: {
          failed: `sum(rate(waybill_loms_changes_total{${OF}, status="failed"}[5m])) / sum(rate(waybill_loms_changes_total{${OF}, status="new"}[5m]))`,
        },
      },
      {
        title: "Cancelled unpaid orders",
        description: "Ten minutes after the order. Many of them are a payment that does not work.",
        unit: "reqps",
        queries: { expired: `sum(rate(waybill_loms_expired_orders_total{${OF}}[5m]))` },
      },
    ],
    "Are unpaid orders cancelled?": [
      {
        title: "Unpaid orders",
        description: "They hold stock. The number falls within ten minutes after a rush.",
        unit: "short",
        queries: { orders: `max(waybill_loms_unpaid_orders{${OF}})` },
      },
      {
        title: "Overdue",
        description:
          "How long the first unpaid order is beyond its ten minutes. More than some seconds: no message brings the time.",
        unit: "s",
        thresholds: [10, 60],
        queries: { overdue: `max(waybill_loms_overdue_seconds{${OF}})` },
      },
    ],
  },
};
