/**
 * The engine's metrics; dashboards rely on the names. Labels are bounded: sources, channels, domains, outcomes and
 * routes are known in advance, and ids are never labels.
 */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import { RequestTimes } from "../telemetry/request-times.ts";

export type Metrics = ReturnType<typeof createMetrics>;

export function createMetrics() {
  // OpenMetrics has exemplars, which link to traces.
  const registry = new Registry();
  registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE as never);
  collectDefaultMetrics({ register: registry });
  const registers = [registry];
  const counter = <Label extends string>(name: string, help: string, labelNames: Label[]) =>
    new Counter({ name, help, labelNames, registers });
  const gauge = <Label extends string>(name: string, help: string, labelNames: Label[] = []) =>
    new Gauge({ name, help, labelNames, registers });
  const seconds = <Label extends string>(name: string, help: string, labelNames: Label[] = []) =>
    new Histogram({ name, help, labelNames, buckets: SECONDS_BUCKETS, registers });

  const reads: (() => void)[] = [];

  return {
    registry,
    /** Called at each scrape. */
    readAtScrape: (read: () => void): void => void reads.push(read),
    readAll: (): void => {
      for (const read of reads) read();
    },
    inboxAppended: counter("waybill_inbox_appended_total", "Messages appended to the inbox.", [
      "domain",
      "source",
      "channel",
    ]),
    appendSeconds: seconds(
      "waybill_inbox_append_duration_seconds",
      "Duration of an append, begin to commit.",
      ["domain"],
    ),
    appendFailures: counter(
      "waybill_inbox_append_failures_total",
      "Appends that failed and were retried; no message was acknowledged.",
      ["domain"],
    ),
    batchMessages: new Histogram({
      name: "waybill_inbox_batch_messages",
      help: "Messages in one append.",
      labelNames: ["domain"],
      buckets: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000],
      registers,
    }),
    bufferBytes: gauge("waybill_inbox_buffer_bytes", "Buffered bytes not yet committed.", ["domain"]),
    bufferLimitBytes: gauge(
      "waybill_inbox_buffer_limit_bytes",
      "INBOX_BUFFER_BYTES_MAX: limit of buffered bytes over all domains; messages beyond it are rejected.",
    ),
    outcomes: counter("waybill_outcomes_total", "Processed positions, by outcome.", [
      "domain",
      "outcome",
      "code",
    ]),
    pending: gauge("waybill_pending_messages", "Positions without an outcome.", ["domain"]),
    oldestPendingSeconds: gauge("waybill_oldest_pending_age_seconds", "Age of the oldest pending position.", [
      "domain",
    ]),
    stalledSeconds: gauge(
      "waybill_projector_stalled_seconds",
      "Seconds since the last progress while messages are pending; 0 otherwise.",
      ["domain"],
    ),
    publishToReadable: new Histogram({
      name: "waybill_publish_to_readable_seconds",
      help: "Time from publish to readable by id.",
      labelNames: ["domain"],
      buckets: SECONDS_BUCKETS,
      enableExemplars: true,
      registers,
    }),
    projectionSeconds: seconds(
      "waybill_projection_duration_seconds",
      "Duration of a batch's projection, begin to commit.",
      ["domain"],
    ),
    projectionFailures: counter(
      "waybill_projection_failures_total",
      "Batches whose projection failed and was retried.",
      ["domain"],
    ),
    outboxPending: gauge(
      "waybill_outbox_pending_events",
      "Unsent events, without those behind a refused event.",
      ["domain"],
    ),
    outboxOldestSeconds: gauge(
      "waybill_outbox_oldest_event_age_seconds",
      "Age of the oldest pending event; 0 if there is none.",
      ["domain"],
    ),
    outboxRefused: gauge(
      "waybill_outbox_refused_events",
      "Events that the broker permanently refuses; each blocks its key until an operator decides.",
      ["domain"],
    ),
    outboxHeld: gauge(
      "waybill_outbox_held_events",
      "Refused events, and events behind a refused event with the same key.",
      ["domain"],
    ),
    outboxSent: counter("waybill_outbox_sent_total", "Events stored by the broker.", ["domain", "topic"]),
    outboxBatchSeconds: seconds(
      "waybill_outbox_batch_duration_seconds",
      "Duration of sending a batch of events, until the broker has stored it.",
      ["domain"],
    ),
    recentDeadLetters: gauge(
      "waybill_deadletters_recent",
      "Dead letters of the current and previous hour, in the ten largest groups.",
      ["domain", "code", "fingerprint"],
    ),
    deadLetters: gauge("waybill_deadletters", "Dead letters.", ["domain", "state", "code"]),
    sourceConnected: gauge("waybill_source_connected", "1 if the source is connected, else 0.", [
      "domain",
      "source",
      "channel",
    ]),
    sourcePaused: gauge(
      "waybill_source_paused",
      "1 if an operator paused the source, else 0; a paused source is not connected.",
      ["domain", "source"],
    ),
    sourceLag: gauge(
      "waybill_source_lag_messages",
      "Broker lag: messages at the broker that are not in the inbox; for Kafka, in this process's partitions.",
      ["domain", "source", "channel"],
    ),
    refused: counter(
      "waybill_source_refused_total",
      "Messages rejected because the buffer was full; the broker redelivers them.",
      ["domain", "source", "channel"],
    ),
    redelivered: counter(
      "waybill_source_redelivered_total",
      "Redelivered messages: an acknowledgement was late or a connection was lost.",
      ["domain", "source", "channel"],
    ),
    skippedRead: counter(
      "waybill_source_skipped_read_total",
      "Messages that the broker had skipped, stored after an audit found the gap.",
      ["domain", "source", "channel"],
    ),
    databaseConnected: gauge("waybill_database_connected", "1 if the database answers, else 0."),
    databaseConnections: gauge(
      "waybill_database_connections",
      "Connections of each pool by state; waiting: callers without a connection.",
      ["pool", "state"],
    ),
    databaseRoundTrip: seconds(
      "waybill_database_round_trip_seconds",
      "Round trip of a minimal query, once a second.",
    ),
    auditDiscrepancies: gauge(
      "waybill_audit_discrepancies",
      "Positions that violate conservation, in the last audit.",
      ["domain"],
    ),
    auditCheckViolations: gauge(
      "waybill_audit_check_violations",
      "Rows that violate a domain's check, in the last audit; for the check `conservation`, positions.",
      ["domain", "check"],
    ),
    gapMessages: gauge(
      "waybill_source_gap_messages",
      "Missing sequence numbers: messages that the broker never delivered, in the last audit.",
      ["domain", "source", "channel"],
    ),
    tableBytes: gauge(
      "waybill_table_size_bytes",
      "Size of a table with its indexes, in the last audit; pg-boss's tables together.",
      ["table"],
    ),
    storageBytesPerDay: gauge(
      "waybill_storage_growth_bytes_per_day",
      "Growth of all tables, over about the last day; 0 for the first hour.",
    ),
    messagesPerDay: gauge(
      "waybill_growth_messages_per_day",
      "Processed positions, over about the last day.",
      ["domain"],
    ),
    auditAgeSeconds: gauge("waybill_audit_age_seconds", "Time since the last audit.", ["domain"]),
    notifySent: new Counter({
      name: "waybill_notify_sent_total",
      help: "Messages that the webhook of NOTIFY_URL accepted.",
      registers,
    }),
    notifyFailed: new Counter({
      name: "waybill_notify_failed_total",
      help: "Attempts that the webhook of NOTIFY_URL refused or did not answer.",
      registers,
    }),
    notifyPending: gauge(
      "waybill_notify_pending",
      "Messages to the webhook that are not delivered yet; without NOTIFY_URL 0.",
    ),
    grpcServerSeconds: seconds(
      "waybill_grpc_server_request_duration_seconds",
      "Duration of a call, over gRPC or through the gateway.",
      ["service", "method", "code"],
    ),
    grpcClientSeconds: seconds(
      "waybill_grpc_client_request_duration_seconds",
      "Duration of a request to another service; each attempt counts.",
      ["service", "method", "code"],
    ),
    grpcInFlight: gauge("waybill_grpc_server_requests_in_flight", "Calls in flight.", ["service", "method"]),
    requestTimes: new RequestTimes(registry, SECONDS_BUCKETS),
  };
}

/** Spans from a cache hit (tens of microseconds) to an outage. */
export const SECONDS_BUCKETS = [
  0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30,
];
