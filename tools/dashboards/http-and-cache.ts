/** Are the readers served, and what does it cost? */
import { type Dashboard, quantiles } from "./panels.ts";

const ROUTES = "waybill_http_request_duration_seconds";

export const HTTP_AND_CACHE: Dashboard = {
  uid: "waybill-http",
  title: "Waybill: HTTP and cache",
  description: "Are the readers served, how quickly, and from memory or from the database?",
  rows: {
    "Are they served?": [
      {
        title: "Requests",
        description: "By route. A route that drops to 0 has lost its clients or its network.",
        unit: "reqps",
        queries: { "{{method}} {{route}}": `sum by (method, route) (rate(${ROUTES}_count[1m]))` },
      },
      {
        title: "Share of errors",
        description: "Answers with 5xx. The budget is one in a thousand over a month.",
        unit: "percentunit",
        thresholds: [0.001, 0.0144],
        queries: {
          "5 minutes": "waybill:http_errors:ratio_rate5m",
          "1 hour": "waybill:http_errors:ratio_rate1h",
        },
        emptyBecause: "no request has failed yet",
      },
      {
        title: "Answers by status",
        description: "404 is an order that is not there; 503 a database or inbox that cannot take more.",
        unit: "reqps",
        queries: { "{{status}}": `sum by (status) (rate(${ROUTES}_count[1m]))` },
      },
    ],
    "How quickly?": [
      {
        title: "GET /orders/:id",
        description: "From memory well below a millisecond; a miss costs a query.",
        unit: "s",
        thresholds: [0.01, 0.1],
        queries: quantiles(ROUTES, 'route="/orders/:id"'),
      },
      {
        title: "POST /orders",
        description: "Answered after the commit, so it is an append and its wait.",
        unit: "s",
        thresholds: [0.5, 5],
        queries: quantiles(ROUTES, 'route="/orders",method="POST"'),
      },
      {
        title: "Slowest routes",
        description: "The 99th percentile by route: operators' pages look through more than readers do.",
        unit: "s",
        thresholds: [0.5, 2],
        queries: {
          "{{route}}": `topk(8, histogram_quantile(0.99, sum by (le, route) (rate(${ROUTES}_bucket[5m]))))`,
        },
      },
    ],
    "From memory?": [
      {
        title: "Reads by id",
        description: "hit: from memory; miss: read through; absent: there is no such order.",
        unit: "reqps",
        queries: { "{{result}}": "sum by (result) (rate(waybill_cache_requests_total[1m]))" },
      },
      {
        title: "Share of hits",
        description:
          "Low after a restart, until the cache is restored; low for good, the cache is too small.",
        unit: "percentunit",
        queries: {
          hits: 'sum(rate(waybill_cache_requests_total{result="hit"}[5m])) / sum(rate(waybill_cache_requests_total{result=~"hit|miss"}[5m]))',
        },
      },
      {
        title: "Cache",
        description: "Of what it may take; full, the oldest orders give way.",
        unit: "percentunit",
        queries: { "{{instance}}": "waybill_cache_bytes / waybill_cache_limit_bytes" },
      },
      {
        title: "Orders in memory",
        description: "By process. After a start the newest come back first.",
        unit: "short",
        queries: { "{{instance}}": "waybill_cache_entries" },
      },
    ],
  },
};
