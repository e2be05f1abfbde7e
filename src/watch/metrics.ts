/**
 * What is measured, under the names that dashboards rely on. Labels are bounded: sources, channels, domains,
 * outcomes and routes are known beforehand, and no id is ever a label.
 */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import { RequestTimes } from "../telemetry/request-times.ts";

export type Metrics = ReturnType<typeof createMetrics>;

export function createMetrics() {
  // OpenMetrics, because it has exemplars: from a figure to the trace of a message that made it.
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
    /** Calls `read` whenever the metrics are read. */
    readAtScrape: (read: () => void): void => void reads.push(read),
    /** Brings what is read at a scrape up to date. */
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
      "Appends that failed and were retried; nothing was acknowledged.",
      ["domain"],
    ),
    batchMessages: new Histogram({
      name: "waybill_inbox_batch_messages",
      help: "Messages in one append.",
      labelNames: ["domain"],
      buckets: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000],
      registers,
    }),
    bufferBytes: gauge("waybill_inbox_buffer_bytes", "Buffered bytes that are not committed yet.", [
      "domain",
    ]),
    bufferLimitBytes: gauge(
      "waybill_inbox_buffer_limit_bytes",
      "INBOX_BUFFER_BYTES_MAX, the bound on the buffered bytes of all domains; messages beyond it are refused.",
    ),
    outcomes: counter("waybill_outcomes_total", "Positions processed, by what became of them.", [
      "domain",
      "outcome",
      "code",
    ]),
    pending: gauge("waybill_pending_messages", "Positions without an outcome yet.", ["domain"]),
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
      help: "From publishing to readable by id.",
      labelNames: ["domain"],
      buckets: SECONDS_BUCKETS,
      enableExemplars: true,
      registers,
    }),
    projectionSeconds: seconds(
      "waybill_projection_duration_seconds",
      "Duration of a batch, begin to commit.",
      ["domain"],
    ),
    projectionFailures: counter(
      "waybill_projection_failures_total",
      "Batches that could not be projected and were tried again.",
      ["domain"],
    ),
    outboxPending: gauge(
      "waybill_outbox_pending_events",
      "Events that were not sent yet and wait for the relay alone.",
      ["domain"],
    ),
    outboxOldestSeconds: gauge(
      "waybill_outbox_oldest_event_age_seconds",
      "Age of the oldest event that waits for the relay; 0 if none does.",
      ["domain"],
    ),
    outboxRefused: gauge(
      "waybill_outbox_refused_events",
      "Events that the broker refuses for good; each blocks its key until an operator decides.",
      ["domain"],
    ),
    outboxHeld: gauge(
      "waybill_outbox_held_events",
      "Events that are refused or wait behind a refused event of their key.",
      ["domain"],
    ),
    outboxSent: counter("waybill_outbox_sent_total", "Events that the broker has stored.", [
      "domain",
      "topic",
    ]),
    outboxBatchSeconds: seconds(
      "waybill_outbox_batch_duration_seconds",
      "Duration of sending one batch of events, until the broker has stored all of it.",
      ["domain"],
    ),
    recentDeadLetters: gauge(
      "waybill_deadletters_recent",
      "Dead letters of this hour and the one before, of the ten largest groups.",
      ["domain", "code", "fingerprint"],
    ),
    deadLetters: gauge("waybill_deadletters", "Dead letters as they are now.", ["domain", "state", "code"]),
    sourceConnected: gauge("waybill_source_connected", "1 while messages can arrive.", [
      "domain",
      "source",
      "channel",
    ]),
    sourceLag: gauge(
      "waybill_source_lag_messages",
      "Messages that wait at the broker and are not in the inbox; with Kafka those of this process's partitions.",
      ["domain", "source", "channel"],
    ),
    refused: counter(
      "waybill_source_refused_total",
      "Messages refused for a full buffer; the broker redelivers them.",
      ["domain", "source", "channel"],
    ),
    redelivered: counter(
      "waybill_source_redelivered_total",
      "Messages that a broker delivered again: an acknowledgement was late, or a connection was lost.",
      ["domain", "source", "channel"],
    ),
    databaseConnected: gauge("waybill_database_connected", "1 while the database answers."),
    databaseConnections: gauge(
      "waybill_database_connections",
      "Connections of each pool: busy, idle, and callers who wait for one.",
      ["pool", "state"],
    ),
    databaseRoundTrip: seconds(
      "waybill_database_round_trip_seconds",
      "The smallest question to the database, asked once a second.",
    ),
    auditDiscrepancies: gauge(
      "waybill_audit_discrepancies",
      "Positions that broke conservation in the last audit.",
      ["domain"],
    ),
    auditCheckViolations: gauge(
      "waybill_audit_check_violations",
      "Rows that broke a check of the domain in the last audit; positions in the check `conservation`.",
      ["domain", "check"],
    ),
    gapMessages: gauge(
      "waybill_source_gap_messages",
      "Messages that the broker numbered and never delivered, by the last audit.",
      ["domain", "source", "channel"],
    ),
    tableBytes: gauge(
      "waybill_table_size_bytes",
      "What a table takes with its indexes, by the last audit; pg-boss's tables as one.",
      ["table"],
    ),
    storageBytesPerDay: gauge(
      "waybill_storage_growth_bytes_per_day",
      "By how much all tables grow, over about the last day; 0 until there is an hour to tell from.",
    ),
    messagesPerDay: gauge(
      "waybill_growth_messages_per_day",
      "How many positions got their outcome, over about the last day.",
      ["domain"],
    ),
    auditAgeSeconds: gauge("waybill_audit_age_seconds", "Time since the last audit.", ["domain"]),
    grpcServerSeconds: seconds(
      "waybill_grpc_server_request_duration_seconds",
      "From a call's request to its answer, over gRPC or through the gateway.",
      ["service", "method", "code"],
    ),
    grpcClientSeconds: seconds(
      "waybill_grpc_client_request_duration_seconds",
      "From a request to another service to its answer; each attempt of a call is one.",
      ["service", "method", "code"],
    ),
    grpcInFlight: gauge("waybill_grpc_server_requests_in_flight", "Calls that are being answered.", [
      "service",
      "method",
    ]),
    requestTimes: new RequestTimes(registry, SECONDS_BUCKETS),
  };
}

/** From a cache hit (tens of microseconds) to an outage. */
export const SECONDS_BUCKETS = [
  0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30,
];
