/** Is it keeping up, and where is it stuck? */
import { type Dashboard, OF_DOMAINS, quantilesByDomain, tracesWith, WAYBILL } from "./panels.ts";

export const FLOW: Dashboard = {
  uid: "waybill-flow",
  title: "Waybill: flow",
  description: "From the broker to a message that can be read: is it keeping up, and where is it stuck?",
  rows: {
    "Is it keeping up?": [
      {
        title: "Oldest pending message",
        description:
          "How long the oldest message without an outcome has been waiting. Fractions of a second are well; a minute pages.",
        unit: "s",
        isNumber: true,
        thresholds: [5, 60],
        queries: { "{{domain}}": `max by (domain) (waybill_oldest_pending_age_seconds{${OF_DOMAINS}})` },
        links: { "Why: readiness": `${WAYBILL}/readyz` },
      },
      {
        title: "Pending messages",
        description:
          "Stored and without an outcome yet. It may grow in a burst; it must come back to about 0.",
        unit: "short",
        isNumber: true,
        thresholds: [10_000, 100_000],
        queries: { "{{domain}}": `max by (domain) (waybill_pending_messages{${OF_DOMAINS}})` },
      },
      {
        title: "Audit discrepancies",
        description: "Anything but 0 means that a table was changed: see `waybill audit --full`.",
        unit: "short",
        isNumber: true,
        thresholds: [1, 1],
        queries: {
          "{{domain}} {{check}}": `max by (domain, check) (waybill_audit_check_violations{${OF_DOMAINS}})`,
        },
        links: { "The audit": `${WAYBILL}/audit` },
      },
      {
        title: "Stalled for",
        description:
          "How long the projection has had work and made no progress. 10 s make a process unready.",
        unit: "s",
        isNumber: true,
        thresholds: [10, 30],
        queries: { "{{domain}}": `min by (domain) (waybill_projector_stalled_seconds{${OF_DOMAINS}})` },
      },
    ],
    "How much flows?": [
      {
        title: "Messages appended/s",
        description: "Messages that were appended, by domain and source. With nothing published this is 0.",
        unit: "cps",
        queries: {
          "{{domain}} {{source}}": `sum by (domain, source) (rate(waybill_inbox_appended_total{${OF_DOMAINS}}[1m]))`,
        },
      },
      {
        title: "Outcomes",
        description: "What became of the positions. It follows what is stored within a second.",
        unit: "cps",
        queries: {
          "{{domain}} {{outcome}} {{code}}": `sum by (domain, outcome, code) (rate(waybill_outcomes_total{${OF_DOMAINS}}[1m]))`,
        },
        links: { "Dead letters in Jaeger": tracesWith("project", { "waybill.outcome": "dead" }) },
      },
      {
        title: "Publish to readable",
        description: "From the publisher's clock to readable by id. Needs clocks that agree.",
        unit: "s",
        thresholds: [0.1, 1],
        queries: quantilesByDomain("waybill_publish_to_readable_seconds"),
        hasExemplars: true,
        links: { "Traces of messages": tracesWith("project", { "waybill.outcome": "projected" }) },
      },
    ],
    "Where is it stuck: the broker?": [
      {
        title: "Connected",
        description: "1 while messages can arrive, by process. 0 for half a minute pages.",
        unit: "short",
        queries: { "{{domain}} {{source}} {{instance}}": `waybill_source_connected{${OF_DOMAINS}}` },
      },
      {
        title: "Broker lag",
        description:
          "Messages that are not in the inbox yet, by brokers that say so. Kafka counts the holes in its offsets, too.",
        unit: "short",
        queries: {
          "{{domain}} {{source}}": `max by (domain, source) (waybill_source_lag_messages{${OF_DOMAINS}, source!="kafka"})`,
          "{{domain}} {{source}} ": `sum by (domain, source) (waybill_source_lag_messages{${OF_DOMAINS}, source="kafka"})`,
        },
      },
      {
        title: "Redelivered, rejected",
        description:
          "Again: acknowledgements are late, or a process died. Refused: there was no room, and it comes again.",
        unit: "cps",
        queries: {
          "{{domain}} {{source}} again": `sum by (domain, source) (rate(waybill_source_redelivered_total{${OF_DOMAINS}}[1m]))`,
          "{{domain}} {{source}} refused": `sum by (domain, source) (rate(waybill_source_refused_total{${OF_DOMAINS}}[1m]))`,
        },
      },
      {
        title: "Missing sequence numbers",
        description:
          "Messages that it numbered and never delivered, by the last audit. Its limits are too narrow.",
        unit: "short",
        thresholds: [1, 1],
        queries: {
          "{{domain}} {{source}} {{channel}}": `max by (domain, source, channel) (waybill_source_gap_messages{${OF_DOMAINS}})`,
        },
      },
    ],
    "Where is it stuck: the append?": [
      {
        title: "Append",
        description:
          "From the begin of an append to its commit. Seven seconds for good make the broker deliver again.",
        unit: "s",
        thresholds: [1, 7],
        queries: quantilesByDomain("waybill_inbox_append_duration_seconds"),
        links: { "Traces of batches": tracesWith("append%20batch", {}) },
      },
      {
        title: "Messages per append",
        description:
          "The mean of the last minute. The group commit at work: 1 when it is quiet, 2,000 under load.",
        unit: "short",
        queries: {
          "{{domain}}": `sum by (domain) (rate(waybill_inbox_batch_messages_sum{${OF_DOMAINS}}[1m])) / sum by (domain) (rate(waybill_inbox_batch_messages_count{${OF_DOMAINS}}[1m]))`,
        },
      },
      {
        title: "Buffer",
        description:
          "Buffered bytes that are not committed, of INBOX_BUFFER_BYTES_MAX, which all domains of a process share. When it is full, messages are refused.",
        unit: "percentunit",
        thresholds: [0.5, 0.9],
        queries: {
          "all {{instance}}":
            "sum by (instance) (waybill_inbox_buffer_bytes) / sum by (instance) (waybill_inbox_buffer_limit_bytes)",
          "{{domain}} {{instance}}": `sum by (domain, instance) (waybill_inbox_buffer_bytes{${OF_DOMAINS}}) / on (instance) group_left () sum by (instance) (waybill_inbox_buffer_limit_bytes)`,
        },
      },
      {
        title: "Failed appends",
        description: "Each is tried again with the same batch; nothing is acknowledged meanwhile.",
        unit: "cps",
        thresholds: [0.1, 1],
        queries: {
          "{{domain}} {{instance}}": `rate(waybill_inbox_append_failures_total{${OF_DOMAINS}}[1m])`,
        },
      },
    ],
    "Where is it stuck: the projection?": [
      {
        title: "Projection duration, by batch",
        description: "From begin to commit.",
        unit: "s",
        thresholds: [1, 5],
        queries: quantilesByDomain("waybill_projection_duration_seconds"),
        links: { "Traces of batches": tracesWith("project%20batch", {}) },
      },
      {
        title: "Failed batches",
        description:
          "Each is tried again; the log says why. One message alone is buried after five attempts.",
        unit: "cps",
        thresholds: [0.1, 1],
        queries: {
          "{{domain}}": `sum by (domain) (rate(waybill_projection_failures_total{${OF_DOMAINS}}[1m]))`,
        },
      },
      {
        title: "Audit age",
        description: "It runs every ten minutes; an hour without one is worth a ticket.",
        unit: "s",
        thresholds: [1_200, 3_600],
        queries: { "{{domain}}": `min by (domain) (waybill_audit_age_seconds{${OF_DOMAINS}})` },
      },
    ],
    "Where is it stuck: the events for others?": [
      {
        title: "Oldest pending event",
        description:
          "How long the oldest event has been waiting for the relay. A minute means that Kafka does not take it.",
        unit: "s",
        thresholds: [10, 60],
        queries: {
          "{{domain}}": `max by (domain) (waybill_outbox_oldest_event_age_seconds{${OF_DOMAINS}})`,
        },
        links: { "Why: readiness": `${WAYBILL}/readyz` },
      },
      {
        title: "Pending events",
        description:
          "Pending: they wait for the relay alone. Held: they are refused, or wait behind a refused event of their key.",
        unit: "short",
        thresholds: [10_000, 100_000],
        queries: {
          "{{domain}} pending": `max by (domain) (waybill_outbox_pending_events{${OF_DOMAINS}})`,
          "{{domain}} held": `max by (domain) (waybill_outbox_held_events{${OF_DOMAINS}})`,
        },
      },
      {
        title: "Events sent",
        description: "Events that Kafka has stored.",
        unit: "cps",
        queries: {
          "{{domain}} {{topic}}": `sum by (domain, topic) (rate(waybill_outbox_sent_total{${OF_DOMAINS}}[1m]))`,
        },
      },
      {
        title: "Send duration, by batch",
        description: "From the first request to the commit of the transaction in Kafka.",
        unit: "s",
        thresholds: [1, 5],
        queries: quantilesByDomain("waybill_outbox_batch_duration_seconds"),
      },
      {
        title: "Refused events",
        description:
          "Kafka refuses them for good. Each blocks its key until an operator releases or discards it.",
        unit: "short",
        thresholds: [1, 1],
        queries: { "{{domain}}": `max by (domain) (waybill_outbox_refused_events{${OF_DOMAINS}})` },
        links: { "The outbox": `${WAYBILL}/outbox` },
      },
    ],
  },
};
