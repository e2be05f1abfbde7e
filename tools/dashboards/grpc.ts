/** The golden signals of each service that answers remote procedure calls: rate, errors, duration, saturation. */
import { type Dashboard, quantiles } from "./panels.ts";

const SERVER = "waybill_grpc_server_request_duration_seconds";
const CLIENT = "waybill_grpc_client_request_duration_seconds";

const CALLS = `sum by (service) (rate(${SERVER}_count[5m]))`;

/** What the service or its surroundings did wrong; every other status is an answer to what the caller asked. */
const FAULTS = 'code=~"INTERNAL|UNKNOWN|UNAVAILABLE|DEADLINE_EXCEEDED|DATA_LOSS|UNIMPLEMENTED"';

export const GRPC: Dashboard = {
  uid: "waybill-grpc",
  title: "Waybill: calls",
  description:
    "The golden signals of each service: how many calls, how many fail, how long they take, how full it is.",
  rows: {
    "How many?": [
      {
        title: "Calls",
        description: "By service, over gRPC and over the gateway. One that drops to 0 has lost its clients.",
        unit: "reqps",
        queries: { "{{service}}": `sum by (service) (rate(${SERVER}_count[1m]))` },
      },
      {
        title: "Calls by method",
        description: "The ten that are called most often.",
        unit: "reqps",
        queries: {
          "{{service}} {{method}}": `topk(10, sum by (service, method) (rate(${SERVER}_count[1m])))`,
        },
      },
    ],
    "How many fail?": [
      {
        title: "Share of failed calls",
        description: "Faults of the service or of what it needs. A refusal by a rule is an answer.",
        unit: "percentunit",
        thresholds: [0.001, 0.0144],
        queries: {
          // Without a failed call the share is 0.
          "{{service}}": `(sum by (service) (rate(${SERVER}_count{${FAULTS}}[5m])) or 0 * ${CALLS}) / ${CALLS}`,
        },
      },
      {
        title: "Answers by status",
        description: "FAILED_PRECONDITION: a rule said no; RESOURCE_EXHAUSTED: a limit of calls is reached.",
        unit: "reqps",
        queries: { "{{service}} {{code}}": `sum by (service, code) (rate(${SERVER}_count[1m]))` },
      },
    ],
    "How long?": [
      {
        title: "Duration of calls",
        description: "A command is answered when its decision is committed.",
        unit: "s",
        thresholds: [0.1, 1],
        queries: quantiles(SERVER, { by: "service" }),
      },
      {
        title: "Slowest methods",
        description: "The 99th percentile of those that take longest.",
        unit: "s",
        thresholds: [0.1, 1],
        queries: {
          "{{service}} {{method}}": `topk(8, histogram_quantile(0.99, sum by (le, service, method) (rate(${SERVER}_bucket[5m]))))`,
        },
      },
    ],
    "How full?": [
      {
        title: "Calls in flight",
        description: "If they grow while the rate does not, the service cannot keep up.",
        unit: "short",
        queries: {
          "{{service}} {{instance}}": "sum by (service, instance) (waybill_grpc_server_requests_in_flight)",
        },
      },
      {
        title: "Event loop of the processes",
        description: "How late timers come: every call waits that long.",
        unit: "s",
        thresholds: [0.05, 0.5],
        queries: { "{{instance}} p99": "nodejs_eventloop_lag_p99_seconds" },
      },
    ],
    "What of the services that they call?": [
      {
        title: "Outgoing calls by status",
        description: "As the caller sees them, retries included.",
        unit: "reqps",
        queries: { "{{service}} {{code}}": `sum by (service, code) (rate(${CLIENT}_count[1m]))` },
      },
      {
        title: "Duration of outgoing calls",
        description:
          "The difference to the duration at the called service is the network and the limit of calls.",
        unit: "s",
        thresholds: [0.1, 1],
        queries: quantiles(CLIENT, { by: "service" }),
      },
    ],
  },
};
