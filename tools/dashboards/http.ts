/** Rate, errors and duration of HTTP requests. */
import { type Dashboard, HTTP_SECONDS } from "./panels.ts";

export const HTTP: Dashboard = {
  uid: "waybill-http",
  title: "Waybill: HTTP",
  description: "Rate, errors and duration of HTTP requests. Routes of a domain are on its own dashboard.",
  rows: {
    "Rate and errors": [
      {
        title: "Requests/s",
        description: "By route. At 0 a route has lost its clients or its network.",
        unit: "reqps",
        queries: { "{{method}} {{route}}": `sum by (method, route) (rate(${HTTP_SECONDS}_count[1m]))` },
      },
      {
        title: "Error rate",
        description: "Share of answers with 5xx. The error budget is 0.1 % per month.",
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
        description: "404: unknown id; 503: database unavailable or inbox full.",
        unit: "reqps",
        queries: { "{{status}}": `sum by (status) (rate(${HTTP_SECONDS}_count[1m]))` },
      },
    ],
    Duration: [
      {
        title: "Slowest routes, p99",
        description: "By route. Operator pages are slower, because they search more data.",
        unit: "s",
        thresholds: [0.5, 2],
        queries: {
          "{{route}}": `topk(8, histogram_quantile(0.99, sum by (le, route) (rate(${HTTP_SECONDS}_bucket[5m]))))`,
        },
      },
    ],
  },
};
