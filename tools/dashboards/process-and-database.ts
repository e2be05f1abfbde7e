/** Database, process and storage. */
import { type Dashboard, OF_DOMAINS, quantiles } from "./panels.ts";

export const PROCESS_AND_DATABASE: Dashboard = {
  uid: "waybill-process",
  title: "Waybill: process and database",
  description: "Database connections and latency, CPU and memory of the processes, storage growth.",
  rows: {
    Database: [
      {
        title: "Database connected",
        description: "1: connected, 0: not, by process. 0 for 30 s pages.",
        unit: "short",
        queries: { "{{instance}}": "waybill_database_connected" },
      },
      {
        title: "Round trip",
        description: "A minimal query, once a second. An append takes three round trips.",
        unit: "s",
        thresholds: [0.05, 0.5],
        queries: quantiles("waybill_database_round_trip_seconds"),
      },
      {
        title: "Callers waiting for a connection",
        description: "By pool. Readers may wait briefly; writers should not wait.",
        unit: "short",
        thresholds: [1, 10],
        queries: { "{{pool}}": 'sum by (pool) (waybill_database_connections{state="waiting"})' },
      },
      {
        title: "Busy connections",
        description: "By pool; the other connections are idle.",
        unit: "short",
        queries: { "{{pool}}": 'sum by (pool) (waybill_database_connections{state="busy"})' },
      },
    ],
    Process: [
      {
        title: "CPU (% of one core)",
        description: "The event loop has one thread; near 100 % it is the bottleneck.",
        unit: "percentunit",
        thresholds: [0.8, 0.95],
        queries: { "{{instance}}": 'rate(process_cpu_seconds_total{job="waybill"}[1m])' },
      },
      {
        title: "Event loop lag",
        description: "Delay of timers; every request waits that long.",
        unit: "s",
        thresholds: [0.05, 0.5],
        queries: { "{{instance}} p99": "nodejs_eventloop_lag_p99_seconds" },
      },
      {
        title: "Memory",
        description: "Resident memory and heap. The cache is outside the heap, limited by CACHE_BYTES_MAX.",
        unit: "bytes",
        queries: {
          "{{instance}} resident": 'process_resident_memory_bytes{job="waybill"}',
          "{{instance}} heap": "nodejs_heap_size_used_bytes",
        },
      },
      {
        title: "Garbage collection",
        description: "Share of time. Above 10 % the process needs more memory.",
        unit: "percentunit",
        thresholds: [0.05, 0.1],
        queries: { "{{instance}}": "sum by (instance) (rate(nodejs_gc_duration_seconds_sum[1m]))" },
      },
      {
        title: "Dropped spans/s",
        description:
          "Spans that the trace collector did not accept: it is down, rejects them or is too slow.",
        unit: "short",
        thresholds: [1, 100],
        queries: { "{{instance}}": "rate(waybill_spans_dropped_total[1m])" },
      },
    ],
    "Alerts by webhook": [
      {
        title: "Messages to the webhook",
        description: "Sent: accepted by the receiver. Failed: attempts that it refused or did not answer.",
        unit: "short",
        queries: {
          sent: "sum(increase(waybill_notify_sent_total[5m]))",
          failed: "sum(increase(waybill_notify_failed_total[5m]))",
        },
      },
      {
        title: "Pending messages to the webhook",
        description: "Not delivered yet. They are retried for about ten minutes.",
        unit: "short",
        thresholds: [1, 10],
        queries: { pending: "max(waybill_notify_pending)" },
      },
    ],
    Storage: [
      {
        title: "Table size",
        description: "With indexes, in the last audit; pg-boss's tables together.",
        unit: "bytes",
        queries: { "{{table}}": "max by (table) (waybill_table_size_bytes)" },
      },
      {
        title: "Storage growth per day",
        description: "Over about the last day; 0 for the first hour.",
        unit: "bytes",
        isNumber: true,
        queries: { "all tables": "max(waybill_storage_growth_bytes_per_day)" },
      },
      {
        title: "Messages per day",
        description: "Over about the last day.",
        unit: "short",
        isNumber: true,
        queries: { "{{domain}}": `max by (domain) (waybill_growth_messages_per_day{${OF_DOMAINS}})` },
        emptyBecause: "there is less than an hour of history",
      },
    ],
  },
};
