/** The flow of messages from the broker to the reader, with its bottlenecks. */
import { type Dashboard, OF_DOMAINS, quantilesByDomain, tracesWith, WAYBILL } from "./panels.ts";

export const FLOW: Dashboard = {
  uid: "waybill-flow",
  title: "Waybill: flow",
  description: "Messages from the broker to the reader: backlog, throughput, latency and bottlenecks.",
  rows: {
    Backlog: [
      {
        title: "Oldest pending message",
        description: "Age of the oldest message without an outcome. Normal: below 1 s. One minute pages.",
        unit: "s",
        isNumber: true,
        thresholds: [5, 60],
        queries: { "{{domain}}": `max by (domain) (waybill_oldest_pending_age_seconds{${OF_DOMAINS}})` },
        links: { Readiness: `${WAYBILL}/readyz` },
      },
      {
        title: "Pending messages",
        description: "Messages without an outcome. Grows in a burst and should return to about 0.",
        unit: "short",
        isNumber: true,
        thresholds: [10_000, 100_000],
        queries: { "{{domain}}": `max by (domain) (waybill_pending_messages{${OF_DOMAINS}})` },
      },
      {
        title: "Audit discrepancies",
        description: "Should be 0; otherwise a table was changed by hand. See `waybill audit --full`.",
        unit: "short",
        isNumber: true,
        thresholds: [1, 1],
        queries: {
          "{{domain}} {{check}}": `max by (domain, check) (waybill_audit_check_violations{${OF_DOMAINS}})`,
        },
        links: { Audit: `${WAYBILL}/audit` },
      },
      {
        title: "Stalled for",
        description:
          "Time since the last progress of the projection while messages are pending. At 10 s the process is not ready.",
        unit: "s",
        isNumber: true,
        thresholds: [10, 30],
        queries: { "{{domain}}": `min by (domain) (waybill_projector_stalled_seconds{${OF_DOMAINS}})` },
      },
    ],
    "Throughput and latency": [
      {
        title: "Messages appended/s",
        description: "By domain and source.",
        unit: "cps",
        queries: {
          "{{domain}} {{source}}": `sum by (domain, source) (rate(waybill_inbox_appended_total{${OF_DOMAINS}}[1m]))`,
        },
      },
      {
        title: "Messages processed/s, by outcome",
        description: "Follows the appended messages within a second.",
        unit: "cps",
        queries: {
          "{{domain}} {{outcome}} {{code}}": `sum by (domain, outcome, code) (rate(waybill_outcomes_total{${OF_DOMAINS}}[1m]))`,
        },
        links: { "Dead letters in Jaeger": tracesWith("project", { "waybill.outcome": "dead" }) },
      },
      {
        title: "Latency, publish to readable",
        description: "From the publisher's timestamp to readable by id. Requires synchronised clocks.",
        unit: "s",
        thresholds: [0.1, 1],
        queries: quantilesByDomain("waybill_publish_to_readable_seconds"),
        hasExemplars: true,
        links: { "Traces of messages": tracesWith("project", { "waybill.outcome": "projected" }) },
      },
    ],
    Broker: [
      {
        title: "Source connected",
        description: "1: connected, 0: not, by process. 0 for 30 s pages.",
        unit: "short",
        queries: { "{{domain}} {{source}} {{instance}}": `waybill_source_connected{${OF_DOMAINS}}` },
      },
      {
        title: "Broker lag",
        description:
          "Messages at the broker that are not in the inbox, if the broker reports it. For Kafka this includes gaps in the offsets.",
        unit: "short",
        queries: {
          "{{domain}} {{source}}": `max by (domain, source) (waybill_source_lag_messages{${OF_DOMAINS}, source!="kafka"})`,
          "{{domain}} {{source}} ": `sum by (domain, source) (waybill_source_lag_messages{${OF_DOMAINS}, source="kafka"})`,
        },
      },
      {
        title: "Redelivered, rejected",
        description:
          "Redelivered: an acknowledgement was late, or a process crashed. Rejected: the buffer was full; the broker redelivers.",
        unit: "cps",
        queries: {
          "{{domain}} {{source}} redelivered": `sum by (domain, source) (rate(waybill_source_redelivered_total{${OF_DOMAINS}}[1m]))`,
          "{{domain}} {{source}} rejected": `sum by (domain, source) (rate(waybill_source_refused_total{${OF_DOMAINS}}[1m]))`,
        },
      },
      {
        title: "Missing sequence numbers",
        description:
          "Messages that the broker never delivered, in the last audit. Usually its retention limits are too small.",
        unit: "short",
        thresholds: [1, 1],
        queries: {
          "{{domain}} {{source}} {{channel}}": `max by (domain, source, channel) (waybill_source_gap_messages{${OF_DOMAINS}})`,
        },
      },
    ],
    Append: [
      {
        title: "Append duration",
        description: "From begin to commit. Durations that stay above 7 s cause redeliveries.",
        unit: "s",
        thresholds: [1, 7],
        queries: quantilesByDomain("waybill_inbox_append_duration_seconds"),
        links: { "Traces of batches": tracesWith("append%20batch", {}) },
      },
      {
        title: "Messages per append",
        description:
          "Mean of the last minute. The group commit appends 1 message when idle and up to 2,000 under load.",
        unit: "short",
        queries: {
          "{{domain}}": `sum by (domain) (rate(waybill_inbox_batch_messages_sum{${OF_DOMAINS}}[1m])) / sum by (domain) (rate(waybill_inbox_batch_messages_count{${OF_DOMAINS}}[1m]))`,
        },
      },
      {
        title: "Buffer usage",
        description:
          "Uncommitted bytes, as a share of INBOX_BUFFER_BYTES_MAX, which all domains of a process share. When the buffer is full, messages are rejected.",
        unit: "percentunit",
        thresholds: [0.5, 0.9],
        queries: {
          "all {{instance}}":
            "sum by (instance) (waybill_inbox_buffer_bytes) / sum by (instance) (waybill_inbox_buffer_limit_bytes)",
          "{{domain}} {{instance}}": `sum by (domain, instance) (waybill_inbox_buffer_bytes{${OF_DOMAINS}}) / on (instance) group_left () sum by (instance) (waybill_inbox_buffer_limit_bytes)`,
        },
      },
      {
        title: "Failed appends/s",
        description: "Each is retried with the same batch; no message is acknowledged meanwhile.",
        unit: "cps",
        thresholds: [0.1, 1],
        queries: {
          "{{domain}} {{instance}}": `rate(waybill_inbox_append_failures_total{${OF_DOMAINS}}[1m])`,
        },
      },
    ],
    Projection: [
      {
        title: "Projection duration, by batch",
        description: "From begin to commit.",
        unit: "s",
        thresholds: [1, 5],
        queries: quantilesByDomain("waybill_projection_duration_seconds"),
        links: { "Traces of batches": tracesWith("project%20batch", {}) },
      },
      {
        title: "Failed batches/s",
        description:
          "Each is retried; the log has the reason. A single message that fails five times becomes a dead letter.",
        unit: "cps",
        thresholds: [0.1, 1],
        queries: {
          "{{domain}}": `sum by (domain) (rate(waybill_projection_failures_total{${OF_DOMAINS}}[1m]))`,
        },
      },
      {
        title: "Audit age",
        description: "The audit runs every ten minutes; an hour without one opens a ticket.",
        unit: "s",
        thresholds: [1_200, 3_600],
        queries: { "{{domain}}": `min by (domain) (waybill_audit_age_seconds{${OF_DOMAINS}})` },
      },
    ],
    Outbox: [
      {
        title: "Oldest pending event",
        description:
          "Age of the oldest event that the relay has not sent. One minute means that Kafka does not accept it.",
        unit: "s",
        thresholds: [10, 60],
        queries: {
          "{{domain}}": `max by (domain) (waybill_outbox_oldest_event_age_seconds{${OF_DOMAINS}})`,
        },
        links: { Readiness: `${WAYBILL}/readyz` },
      },
      {
        title: "Pending events",
        description: "Pending: not sent yet. Held: refused, or behind a refused event with the same key.",
        unit: "short",
        thresholds: [10_000, 100_000],
        queries: {
          "{{domain}} pending": `max by (domain) (waybill_outbox_pending_events{${OF_DOMAINS}})`,
          "{{domain}} held": `max by (domain) (waybill_outbox_held_events{${OF_DOMAINS}})`,
        },
      },
      {
        title: "Events sent/s",
        description: "Events stored by Kafka.",
        unit: "cps",
        queries: {
          "{{domain}} {{topic}}": `sum by (domain, topic) (rate(waybill_outbox_sent_total{${OF_DOMAINS}}[1m]))`,
        },
      },
      {
        title: "Send duration, by batch",
        description: "From the first request to the commit of Kafka's transaction.",
        unit: "s",
        thresholds: [1, 5],
        queries: quantilesByDomain("waybill_outbox_batch_duration_seconds"),
      },
      {
        title: "Refused events",
        description:
          "Events that Kafka permanently refuses. Each blocks its key until an operator releases or discards it.",
        unit: "short",
        thresholds: [1, 1],
        queries: { "{{domain}}": `max by (domain) (waybill_outbox_refused_events{${OF_DOMAINS}})` },
        links: { Outbox: `${WAYBILL}/outbox` },
      },
    ],
  },
};
