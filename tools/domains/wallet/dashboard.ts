/** Commands, declines, latency and accounts. */
import { type Dashboard, quantiles } from "../../dashboards/panels.ts";

const LABELS = 'domain="wallet"';

export const WALLET_DASHBOARD: Dashboard = {
  uid: "waybill-wallet",
  title: "Waybill: wallet",
  description: "Commands of the wallet, why they are declined, and how long a decision takes.",
  rows: {
    Commands: [
      {
        title: "Commands by type",
        description: "Decided by all processes.",
        unit: "reqps",
        queries: { "{{type}}": `sum by (type) (rate(waybill_wallet_commands_total{${LABELS}}[1m]))` },
      },
      {
        title: "Succeeded and declined",
        description: "A decline is not an error; its share should be steady.",
        unit: "reqps",
        queries: { "{{status}}": `sum by (status) (rate(waybill_wallet_commands_total{${LABELS}}[1m]))` },
      },
      {
        title: "Declines by reason",
        description: "insufficient_funds is normal. A rise of another reason points to a changed client.",
        unit: "reqps",
        queries: { "{{reason}}": `sum by (reason) (rate(waybill_wallet_declines_total{${LABELS}}[1m])) > 0` },
      },
    ],
    Latency: [
      {
        title: "HTTP answers",
        description: "From the request to its durable decision.",
        unit: "s",
        thresholds: [0.1, 1],
        queries: quantiles("waybill_wallet_answer_seconds", { labels: LABELS }),
      },
      {
        title: "Answers without decision",
        description: "202: the decision timed out; repeating the request waits again.",
        unit: "reqps",
        queries: {
          pending: `sum(rate(waybill_wallet_answer_seconds_count{${LABELS}}[1m])) - sum(rate(waybill_wallet_answer_seconds_count{${LABELS}, status=~"succeeded|declined"}[1m]))`,
        },
      },
      {
        title: "Pending",
        description: "Commands in the inbox without a decision.",
        unit: "short",
        queries: { pending: `max(waybill_pending_messages{${LABELS}})` },
      },
    ],
    Accounts: [
      {
        title: "Share of the busiest account",
        description: "Of all postings in a batch. A busy account costs no more than a quiet one.",
        unit: "percentunit",
        queries: {
          share: `sum(rate(waybill_wallet_busiest_account_postings_total{${LABELS}}[5m])) / sum(rate(waybill_wallet_postings_total{${LABELS}}[5m]))`,
        },
      },
      {
        title: "Open holds",
        description:
          "Neither captured, released nor expired. Steady growth means that clients do not finish their holds.",
        unit: "short",
        queries: { holds: `max(waybill_wallet_open_holds{${LABELS}})` },
      },
    ],
  },
};
