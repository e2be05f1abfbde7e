/** Dead letters by code and cause. */
import { type Dashboard, labelOf, OF_DOMAINS, tracesWith, WAYBILL } from "./panels.ts";

export const DEAD_LETTERS: Dashboard = {
  uid: "waybill-dead-letters",
  title: "Waybill: dead letters",
  description: "Rejected messages: by cause, over time, and how operators handle them.",
  rows: {
    "New dead letters": [
      {
        title: "New dead letters/s",
        description: "By domain and code. Investigate new codes first.",
        unit: "cps",
        queries: {
          "{{domain}} {{code}}": `sum by (domain, code) (rate(waybill_outcomes_total{${OF_DOMAINS}, outcome="dead"}[1m]))`,
        },
        links: {
          "Letters with this code": `${WAYBILL}/ui/dead-letter-list?domain=${labelOf("domain")}&code=${labelOf("code")}`,
          Traces: tracesWith("project", { "waybill.outcome": "dead" }),
        },
        emptyBecause: "there are no dead letters yet",
      },
      {
        title: "Dead letter rate",
        description: "Share of dead letters in all outcomes. 10 % and more usually means a broken sender.",
        unit: "percentunit",
        thresholds: [0.02, 0.1],
        queries: {
          "{{domain}}": `sum by (domain) (rate(waybill_outcomes_total{${OF_DOMAINS}, outcome="dead"}[5m])) / sum by (domain) (rate(waybill_outcomes_total{${OF_DOMAINS}}[5m]))`,
        },
        emptyBecause: "there are no dead letters yet",
      },
    ],
    "Groups by cause": [
      {
        title: "Top causes, current and previous hour",
        description:
          "By fingerprint: letters with the same code, path and rule. More than 20 new ones in ten minutes open a ticket.",
        unit: "short",
        thresholds: [20, 1_000],
        queries: {
          "{{domain}} {{code}} {{fingerprint}}": `max by (domain, code, fingerprint) (waybill_deadletters_recent{${OF_DOMAINS}})`,
        },
        links: {
          "Letters with this cause": `${WAYBILL}/ui/dead-letter-list?domain=${labelOf("domain")}&fingerprint=${labelOf("fingerprint")}`,
        },
        emptyBecause: "there are no dead letters of the last two hours",
      },
    ],
    Handling: [
      {
        title: "Open dead letters",
        description: "Neither redriven nor discarded. Falls while an operator works on them.",
        unit: "short",
        queries: {
          "{{domain}} {{code}}": `max by (domain, code) (waybill_deadletters{${OF_DOMAINS}, state="open"})`,
        },
        links: { "Open dead letters": `${WAYBILL}/ui/dead-letter-list?state=open` },
        emptyBecause: "there are no dead letters yet",
      },
      {
        title: "Redriven and discarded",
        description: "Dead letters that operators have handled.",
        unit: "short",
        queries: {
          "{{domain}} {{state}} {{code}}": `max by (domain, state, code) (waybill_deadletters{${OF_DOMAINS}, state!="open"})`,
        },
        emptyBecause: "there are no dead letters yet",
      },
      {
        title: "Redrive requests/s",
        description: "Requests to the HTTP routes that redrive, by status.",
        unit: "cps",
        queries: {
          "{{route}} {{status}}":
            'sum by (route, status) (rate(waybill_http_request_duration_seconds_count{route=~"/deadletters.*redrive"}[5m]))',
        },
        emptyBecause: "no operator has redriven anything",
      },
    ],
  },
};
