/** Does the machine carry it, and the database? */
import { type Dashboard, OF_DOMAINS, quantiles } from "./panels.ts";

export const PROCESS_AND_DATABASE: Dashboard = {
  uid: "waybill-process",
  title: "Waybill: process and database",
  description: "Does the machine carry it, does the database answer, and how much room is left?",
  rows: {
    "Does the database answer?": [
      {
        title: "Connected",
        description: "1 while it answers, by process. 0 for half a minute pages.",
        unit: "short",
        queries: { "{{instance}}": "waybill_database_connected" },
      },
      {
        title: "Round trip",
        description: "The smallest question, once a second. An append takes three of these.",
        unit: "s",
        thresholds: [0.05, 0.5],
        queries: quantiles("waybill_database_round_trip_seconds"),
      },
      {
        title: "Callers waiting for a connection",
        description: "By pool. Readers may wait a moment; writes must not.",
        unit: "short",
        thresholds: [1, 10],
        queries: { "{{pool}}": 'sum by (pool) (waybill_database_connections{state="waiting"})' },
      },
      {
        title: "Busy connections",
        description: "By pool; the rest of them are idle.",
        unit: "short",
        queries: { "{{pool}}": 'sum by (pool) (waybill_database_connections{state="busy"})' },
      },
    ],
    "Does the process carry it?": [
      {
        title: "CPU",
        description: "Of one core. The event loop is one thread: at 1 it is what limits.",
        unit: "percentunit",
        thresholds: [0.8, 0.95],
        queries: { "{{instance}}": 'rate(process_cpu_seconds_total{job="waybill"}[1m])' },
      },
      {
        title: "Event loop lag",
        description: "How late timers come: what waits for it waits that long.",
        unit: "s",
        thresholds: [0.05, 0.5],
        queries: { "{{instance}} p99": "nodejs_eventloop_lag_p99_seconds" },
      },
      {
        title: "Memory",
        description:
          "Resident, and the heap within it. The cache lies outside the heap, bounded by CACHE_BYTES_MAX.",
        unit: "bytes",
        queries: {
          "{{instance}} resident": 'process_resident_memory_bytes{job="waybill"}',
          "{{instance}} heap": "nodejs_heap_size_used_bytes",
        },
      },
      {
        title: "Garbage collection",
        description: "Share of the time. A tenth and more is too little memory.",
        unit: "percentunit",
        thresholds: [0.05, 0.1],
        queries: { "{{instance}}": "sum by (instance) (rate(nodejs_gc_duration_seconds_sum[1m]))" },
      },
      {
        title: "Dropped spans/s",
        description: "Spans that the trace collector did not take: it is down, refuses them, or is too slow.",
        unit: "short",
        thresholds: [1, 100],
        queries: { "{{instance}}": "rate(waybill_spans_dropped_total[1m])" },
      },
    ],
    "How much room is left?": [
      {
        title: "Tables",
        description: "With their indexes, by the last audit; pg-boss's as one.",
        unit: "bytes",
        queries: { "{{table}}": "max by (table) (waybill_table_size_bytes)" },
      },
      {
        title: "Storage growth per day",
        description: "Over about the last day; 0 until there is an hour to tell from.",
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
        emptyBecause: "there is no hour of history to tell from",
      },
    ],
  },
};
