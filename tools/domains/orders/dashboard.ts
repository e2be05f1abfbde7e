/** Are orders served, how quickly, and from memory or from the database? */
import { type Dashboard, HTTP_SECONDS, quantiles } from "../../dashboards/panels.ts";

export const ORDERS_DASHBOARD: Dashboard = {
  uid: "waybill-orders",
  title: "Waybill: orders",
  description: "Are orders served, how quickly, and from memory or from the database?",
  rows: {
    "How quickly?": [
      {
        title: "GET /orders/:id",
        description: "From memory well below a millisecond; a miss costs a query.",
        unit: "s",
        thresholds: [0.01, 0.1],
        queries: quantiles(HTTP_SECONDS, { labels: 'route="/orders/:id"' }),
      },
      {
        title: "POST /orders",
        description: "Answered after the commit, so it is an append and its wait.",
        unit: "s",
        thresholds: [0.5, 5],
        queries: quantiles(HTTP_SECONDS, { labels: 'route="/orders",method="POST"' }),
      },
    ],
    "From memory?": [
      {
        title: "Reads by id",
        description: "hit: from memory; miss: read through; absent: there is no such order.",
        unit: "reqps",
        queries: {
          "{{result}}": 'sum by (result) (rate(waybill_cache_requests_total{domain="orders"}[1m]))',
        },
      },
      {
        title: "Share of hits",
        description:
          "Low after a restart, until the cache is restored. If it stays low, the cache is too small.",
        unit: "percentunit",
        queries: {
          hits: 'sum(rate(waybill_cache_requests_total{domain="orders", result="hit"}[5m])) / sum(rate(waybill_cache_requests_total{domain="orders", result=~"hit|miss"}[5m]))',
        },
      },
      {
        title: "Cache",
        description: "Of CACHE_BYTES_MAX. When it is full, the oldest orders are evicted.",
        unit: "percentunit",
        queries: {
          "{{instance}}": 'waybill_cache_bytes{domain="orders"} / waybill_cache_limit_bytes{domain="orders"}',
        },
      },
      {
        title: "Orders in memory",
        description: "By process. After a start the newest come back first.",
        unit: "short",
        queries: { "{{instance}}": 'waybill_cache_entries{domain="orders"}' },
      },
    ],
  },
};
