/** Latency and cache. */
import { type Dashboard, HTTP_SECONDS, quantiles } from "../../dashboards/panels.ts";

export const ORDERS_DASHBOARD: Dashboard = {
  uid: "waybill-orders",
  title: "Waybill: orders",
  description: "Latency of orders, and how many reads the cache serves.",
  rows: {
    Latency: [
      {
        title: "GET /orders/:id",
        description: "A cached order takes well below a millisecond; a miss adds a query.",
        unit: "s",
        thresholds: [0.01, 0.1],
        queries: quantiles(HTTP_SECONDS, { labels: 'route="/orders/:id"' }),
      },
      {
        title: "POST /orders",
        description: "The response follows the commit, so this is the duration of an append and its wait.",
        unit: "s",
        thresholds: [0.5, 5],
        queries: quantiles(HTTP_SECONDS, { labels: 'route="/orders",method="POST"' }),
      },
    ],
    Cache: [
      {
        title: "Reads by id",
        description: "hit: cached; miss: read from the table; absent: no such order.",
        unit: "reqps",
        queries: {
          "{{result}}": 'sum by (result) (rate(waybill_cache_requests_total{domain="orders"}[1m]))',
        },
      },
      {
        title: "Hit ratio",
        description:
          "Low after a restart, until the cache is restored. If it stays low, increase CACHE_BYTES_MAX.",
        unit: "percentunit",
        queries: {
          hits: 'sum(rate(waybill_cache_requests_total{domain="orders", result="hit"}[5m])) / sum(rate(waybill_cache_requests_total{domain="orders", result=~"hit|miss"}[5m]))',
        },
      },
      {
        title: "Cache usage",
        description: "Share of CACHE_BYTES_MAX in use. A full cache evicts the oldest orders.",
        unit: "percentunit",
        queries: {
          "{{instance}}": 'waybill_cache_bytes{domain="orders"} / waybill_cache_limit_bytes{domain="orders"}',
        },
      },
      {
        title: "Cached orders",
        description: "By process. After a start the cache fills from the newest orders.",
        unit: "short",
        queries: { "{{instance}}": 'waybill_cache_entries{domain="orders"}' },
      },
    ],
  },
};
