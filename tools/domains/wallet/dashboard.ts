/** What is asked of the wallet, what is declined and why, and how long a decision takes. */
import { type Dashboard, quantiles } from "../../dashboards/panels.ts";

const OF = 'domain="wallet"';

export const WALLET_DASHBOARD: Dashboard = {
  uid: "waybill-wallet",
  title: "Waybill: wallet",
  description: "What is asked of the wallet, what is declined and why, and how long a decision takes.",
  rows: {
    "What is asked?": [
      {
        title: "Commands by type",
        description: "Decided by all processes together.",
        unit: "reqps",
        queries: { "{{type}}": `sum by (type) (rate(waybill_wallet_commands_total{${OF}}[1m]))` },
      },
      {
        title: "Succeeded and declined",
        description: "A decline is an answer, no error; its share should be steady.",
        unit: "reqps",
        queries: { "{{status}}": `sum by (status) (rate(waybill_wallet_commands_total{${OF}}[1m]))` },
      },
      {
        title: "Declines by reason",
        description: "insufficient_funds is everyday. A rise of another one is a client that has changed.",
        unit: "reqps",
        queries: { "{{reason}}": `sum by (reason) (rate(waybill_wallet_declines_total{${OF}}[1m])) > 0` },
      },
    ],
    "How quickly?": [
      {
        title: "Answers over HTTP",
        description: "From the request to the decision, which is on disk by then.",
        unit: "s",
        thresholds: [0.1, 1],
        queries: quantiles("waybill_wallet_answer_seconds", { labels: OF }),
      },
      {
        title: "Answers without a decision",
        description: "202: not decided in time. Asking again waits again.",
        unit: "reqps",
        queries: {
          pending: `sum(rate(waybill_wallet_answer_seconds_count{${OF}}[1m])) - sum(rate(waybill_wallet_answer_seconds_count{${OF}, status=~"succeeded|declined"}[1m]))`,
        },
      },
      {
        title: "Pending",
        description: "Commands in the inbox that have no decision yet.",
        unit: "short",
        queries: { pending: `max(waybill_pending_messages{${OF}})` },
      },
    ],
    "How busy are accounts?": [
      {
        title: "Share of the busiest account",
        description: "Of the postings of a batch. A busy account costs no more than a quiet one.",
        unit: "percentunit",
        queries: {
          share: `sum(rate(waybill_wallet_busiest_account_postings_total{${OF}}[5m])) / sum(rate(waybill_wallet_postings_total{${OF}}[5m]))`,
        },
      },
      {
        title: "Open holds",
        description:
          "Neither captured, released nor expired. If it only grows, nobody finishes what was begun.",
        unit: "short",
        queries: { holds: `max(waybill_wallet_open_holds{${OF}})` },
      },
    ],
  },
};
