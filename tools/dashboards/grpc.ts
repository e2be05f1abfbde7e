/** Rate, errors, duration and saturation of each gRPC service. */
import { type Dashboard, quantiles } from "./panels.ts";

const SERVER = "waybill_grpc_server_request_duration_seconds";
const CLIENT = "waybill_grpc_client_request_duration_seconds";

const CALLS = `sum by (service) (rate(${SERVER}_count[5m]))`;

/** Faults of the service or its environment; other statuses are answers to the caller. */
const FAULTS = 'code=~"INTERNAL|UNKNOWN|UNAVAILABLE|DEADLINE_EXCEEDED|DATA_LOSS|UNIMPLEMENTED"';

export const GRPC: Dashboard = {
  uid: "waybill-grpc",
  title: "Waybill: calls",
  description: "Rate, errors, duration and saturation of each gRPC service.",
  rows: {
    Rate: [
      {
        title: "Calls/s",
        description: "By service, over gRPC and the gateway. At 0 a service has lost its clients.",
        unit: "reqps",
        queries: { "{{service}}": `sum by (service) (rate(${SERVER}_count[1m]))` },
      },
      {
        title: "Calls/s, by method",
        description: "The ten most frequent methods.",
        unit: "reqps",
        queries: {
          "{{service}} {{method}}": `topk(10, sum by (service, method) (rate(${SERVER}_count[1m])))`,
        },
      },
    ],
    Errors: [
      {
        title: "Error rate",
        description:
          "Share of calls that failed by a fault of the service or its dependencies; refusals by a rule do not count.",
        unit: "percentunit",
        thresholds: [0.001, 0.0144],
        queries: {
          // 0 without failed calls.
          "{{service}}": `(sum by (service) (rate(${SERVER}_count{${FAULTS}}[5m])) or 0 * ${CALLS}) / ${CALLS}`,
        },
      },
      {
        title: "Answers by status",
        description: "FAILED_PRECONDITION: refused by a rule; RESOURCE_EXHAUSTED: rate limit reached.",
        unit: "reqps",
        queries: { "{{service}} {{code}}": `sum by (service, code) (rate(${SERVER}_count[1m]))` },
      },
    ],
    Duration: [
      {
        title: "Latency",
        description: "A command is answered when its decision is committed.",
        unit: "s",
        thresholds: [0.1, 1],
        queries: quantiles(SERVER, { by: "service" }),
      },
      {
        title: "Slowest methods, p99",
        description: "The eight methods with the highest p99 latency.",
        unit: "s",
        thresholds: [0.1, 1],
        queries: {
          "{{service}} {{method}}": `topk(8, histogram_quantile(0.99, sum by (le, service, method) (rate(${SERVER}_bucket[5m]))))`,
        },
      },
    ],
    Saturation: [
      {
        title: "Calls in flight",
        description: "If this grows while the rate does not, the service is overloaded.",
        unit: "short",
        queries: {
          "{{service}} {{instance}}": "sum by (service, instance) (waybill_grpc_server_requests_in_flight)",
        },
      },
      {
        title: "Event loop lag, p99",
        description: "Delay of timers; every call waits that long.",
        unit: "s",
        thresholds: [0.05, 0.5],
        queries: { "{{instance}} p99": "nodejs_eventloop_lag_p99_seconds" },
      },
    ],
    "Outgoing calls": [
      {
        title: "Outgoing calls/s, by status",
        description: "As seen by the caller, including retries.",
        unit: "reqps",
        queries: { "{{service}} {{code}}": `sum by (service, code) (rate(${CLIENT}_count[1m]))` },
      },
      {
        title: "Latency of outgoing calls",
        description: "Minus the latency at the called service: network and rate limit.",
        unit: "s",
        thresholds: [0.1, 1],
        queries: quantiles(CLIENT, { by: "service" }),
      },
    ],
  },
};
