/** Are the callers served, and how quickly? */
import { type Dashboard, HTTP_SECONDS } from "./panels.ts";

export const HTTP: Dashboard = {
  uid: "waybill-http",
  title: "Waybill: HTTP",
  description: "Are the callers served, and how quickly? What a domain serves is on its own dashboard.",
  rows: {
    "Are they served?": [
      {
        title: "Requests",
        description: "By route. A route that drops to 0 has lost its clients or its network.",
        unit: "reqps",
        queries: { "{{method}} {{route}}": `sum by (method, route) (rate(${HTTP_SECONDS}_count[1m]))` },
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
        description: "404: nothing has this id; 503: the database is away, or the inbox is full.",
        unit: "reqps",
        queries: { "{{status}}": `sum by (status) (rate(${HTTP_SECONDS}_count[1m]))` },
      },
    ],
    "How quickly?": [
      {
        title: "Slowest routes",
        description: "The 99th percentile by route: operators' pages look through more than readers do.",
        unit: "s",
        thresholds: [0.5, 2],
        queries: {
          "{{route}}": `topk(8, histogram_quantile(0.99, sum by (le, route) (rate(${HTTP_SECONDS}_bucket[5m]))))`,
        },
      },
    ],
  },
};
