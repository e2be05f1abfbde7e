/** The routes that say how the service is: alive, ready, its metrics, and whether anything was lost. */
import type { AuditReport } from "../projector/audit.ts";
import { toJson } from "../projector/audit.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import { type Route, sendJson } from "./route.ts";

export type OperationsOptions = Readonly<{
  /** Why the service is not ready; empty where it is. */
  unready: () => readonly string[];
  metrics: Metrics;
  /** Brings the gauges up to date before they are read. */
  refreshMetrics: () => Promise<void>;
  audit: () => Promise<AuditReport>;
}>;

export function operationsRoutes({ unready, metrics, refreshMetrics, audit }: OperationsOptions): Route[] {
  return [
    {
      method: "GET",
      path: "/healthz",
      access: "open",
      handle: (_request, response) => sendJson(response, 200, { status: "alive" }),
    },
    {
      method: "GET",
      path: "/readyz",
      access: "open",
      handle: (_request, response) => {
        const reasons = unready();
        if (reasons.length === 0) sendJson(response, 200, { status: "ready" });
        else sendJson(response, 503, { status: "not ready", reasons }, { "retry-after": "2" });
      },
    },
    {
      method: "GET",
      path: "/metrics",
      access: "open",
      handle: async (_request, response) => {
        await refreshMetrics();
        const text = await metrics.registry.metrics();
        response.writeHead(200, {
          "content-type": metrics.registry.contentType,
          "cache-control": "no-store",
        });
        response.end(text);
      },
    },
    {
      method: "GET",
      path: "/audit",
      access: "operator",
      handle: async (_request, response) => sendJson(response, 200, toJson(await audit())),
    },
  ];
}
