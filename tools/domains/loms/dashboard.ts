/** Commands, orders, and the cancellation of unpaid orders. */
import type { Dashboard } from "../../dashboards/panels.ts";

const LABELS = 'domain="loms"';

export const LOMS_DASHBOARD: Dashboard = {
  uid: "waybill-loms",
  title: "Waybill: loms",
  description:
    "Commands of loms, the orders' status changes, and whether unpaid orders are cancelled in time.",
  rows: {
    Commands: [
      {
        title: "Commands by type",
        description: "Decided by all processes.",
        unit: "reqps",
        queries: { "{{type}}": `sum by (type) (rate(waybill_loms_commands_total{${LABELS}}[1m]))` },
      },
      {
        title: "Declines by reason",
        description:
          "insufficient_stock is normal. A rise of another reason points to a changed client, or to a product without stock.",
        unit: "reqps",
        queries: { "{{reason}}": `sum by (reason) (rate(waybill_loms_declines_total{${LABELS}}[1m])) > 0` },
      },
      {
        title: "Pending",
        description: "Commands in the inbox without a decision.",
        unit: "short",
        queries: { pending: `max(waybill_pending_messages{${LABELS}})` },
      },
    ],
    Orders: [
      {
        title: "Orders by status",
        description: "Status changes per second. Each new order then awaits payment or fails.",
        unit: "reqps",
        queries: { "{{status}}": `sum by (status) (rate(waybill_loms_changes_total{${LABELS}}[1m]))` },
      },
      {
        title: "Failed share",
        description: "Failed orders per new order. Near 1 no order succeeds: check the stocks.",
        unit: "percentunit",
        queries: {
          failed: `sum(rate(waybill_loms_changes_total{${LABELS}, status="failed"}[5m])) / sum(rate(waybill_loms_changes_total{${LABELS}, status="new"}[5m]))`,
        },
      },
      {
        title: "Cancelled unpaid orders",
        description: "Ten minutes after the order. A rise points to broken payments.",
        unit: "reqps",
        queries: { expired: `sum(rate(waybill_loms_expired_orders_total{${LABELS}}[5m]))` },
      },
    ],
    "Unpaid orders": [
      {
        title: "Unpaid orders",
        description: "They reserve stock. After a rush, the number falls within ten minutes.",
        unit: "short",
        queries: { orders: `max(waybill_loms_unpaid_orders{${LABELS}})` },
      },
      {
        title: "Overdue",
        description:
          "How long the oldest unpaid order exceeds its ten minutes. More than a few seconds: no timer messages arrive.",
        unit: "s",
        thresholds: [10, 60],
        queries: { overdue: `max(waybill_loms_overdue_seconds{${LABELS}})` },
      },
    ],
  },
};
