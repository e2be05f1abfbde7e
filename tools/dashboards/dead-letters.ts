/** Groups by cause? */
import { type Dashboard, labelOf, OF_DOMAINS, tracesWith, WAYBILL } from "./panels.ts";

export const DEAD_LETTERS: Dashboard = {
  uid: "waybill-dead-letters",
  title: "Waybill: dead letters",
  description: "What could not be projected: what is wrong, since when, and is an operator at work on it?",
  rows: {
    "Is something wrong right now?": [
      {
        title: "New dead letters",
        description: "By domain and code. A code that was not there before is what to look at.",
        unit: "cps",
        queries: {
          "{{domain}} {{code}}": `sum by (domain, code) (rate(waybill_outcomes_total{${OF_DOMAINS}, outcome="dead"}[1m]))`,
        },
        links: {
          "Letters with this code": `${WAYBILL}/ui/dead-letter-list?domain=${labelOf("domain")}&code=${labelOf("code")}`,
          Traces: tracesWith("project", { "waybill.outcome": "dead" }),
        },
        emptyBecause: "nothing has died yet",
      },
      {
        title: "Share of messages",
        description: "Dead letters among all outcomes. A tenth is a sender gone wrong.",
        unit: "percentunit",
        thresholds: [0.02, 0.1],
        queries: {
          "{{domain}}": `sum by (domain) (rate(waybill_outcomes_total{${OF_DOMAINS}, outcome="dead"}[5m])) / sum by (domain) (rate(waybill_outcomes_total{${OF_DOMAINS}}[5m]))`,
        },
        emptyBecause: "nothing has died yet",
      },
    ],
    "Which cause, and since when?": [
      {
        title: "Top causes, this hour and the one before",
        description:
          "By fingerprint: letters with the same code, path and rule. More than 20 within ten minutes raise a ticket.",
        unit: "short",
        thresholds: [20, 1_000],
        queries: {
          "{{domain}} {{code}} {{fingerprint}}": `max by (domain, code, fingerprint) (waybill_deadletters_recent{${OF_DOMAINS}})`,
        },
        links: {
          "What fails, and where": `${WAYBILL}/ui/dead-letter-list?domain=${labelOf("domain")}&fingerprint=${labelOf("fingerprint")}`,
        },
        emptyBecause: "nothing has died within two hours",
      },
    ],
    "Is an operator at work on it?": [
      {
        title: "Open",
        description: "Neither redriven nor discarded. It should shrink while an operator works on it.",
        unit: "short",
        queries: {
          "{{domain}} {{code}}": `max by (domain, code) (waybill_deadletters{${OF_DOMAINS}, state="open"})`,
        },
        links: { "The open ones": `${WAYBILL}/ui/dead-letter-list?state=open` },
        emptyBecause: "nothing has died yet",
      },
      {
        title: "Redriven and discarded",
        description: "What became of the others.",
        unit: "short",
        queries: {
          "{{domain}} {{state}} {{code}}": `max by (domain, state, code) (waybill_deadletters{${OF_DOMAINS}, state!="open"})`,
        },
        emptyBecause: "nothing has died yet",
      },
      {
        title: "Appended redrives",
        description: "Per second, of this process's HTTP routes that redrive.",
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
