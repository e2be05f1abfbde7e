/** Operations routes: liveness, readiness, metrics, audit. */
import type { AuditReport } from "../../audit/audit.ts";
import { partOf, toJson } from "../../audit/audit.ts";
import {
  answer,
  arrayOf,
  COUNT,
  DOMAIN_IN_QUERY,
  FLAG,
  inQuery,
  named,
  nullable,
  object,
  problems,
  TEXT,
  TIME,
} from "../../contract/openapi.ts";
import type { Unready } from "../../contract/part.ts";
import { type Route, sendJson } from "../../contract/route.ts";
import { checkNames, chosenDomains, readFlag } from "../../contract/values/parameters.ts";
import { exposeMetrics, MEDIA_TYPES } from "../../watch/exposition.ts";
import { type StatusOptions, statusRoute } from "./status.ts";

/** Negative if a rebuild freed space. */
const PER_DAY = nullable({ type: "integer" });

const AUDIT = named(
  "Audit",
  object({
    holds: FLAG,
    domains: {
      type: "object",
      additionalProperties: object({
        received: COUNT,
        projected: COUNT,
        duplicate: COUNT,
        dead: COUNT,
        pending: COUNT,
        broken: COUNT,
        discrepancies: arrayOf(COUNT),
        gaps: arrayOf(
          object({
            source: TEXT,
            channel: TEXT,
            series: nullable(TEXT),
            from: COUNT,
            to: COUNT,
            messages: COUNT,
            before: nullable(COUNT),
          }),
        ),
        proved_before: COUNT,
        full_at: TIME,
        messages_per_day: PER_DAY,
        checks: {
          type: "object",
          additionalProperties: object({
            broken: COUNT,
            samples: arrayOf(object({ position: COUNT, detail: TEXT })),
          }),
        },
      }),
    },
    storage: object({
      bytes: COUNT,
      bytes_per_day: PER_DAY,
      tables: { type: "object", additionalProperties: COUNT },
    }),
  }),
);

const READY_DOMAINS = {
  type: "object",
  additionalProperties: object({ ready: FLAG, reasons: arrayOf(TEXT) }, { warnings: arrayOf(TEXT) }),
};

function readinessOf(domain: string, unready: readonly Unready[], warnings: readonly string[]) {
  const reasons = unready.filter((entry) => entry.domain === undefined || entry.domain === domain);
  return {
    ready: reasons.length === 0,
    reasons: reasons.map(({ reason }) => reason),
    ...(warnings.length > 0 ? { warnings } : {}),
  };
}

export type OperationsOptions = StatusOptions &
  Readonly<{
    health: () => readonly Unready[];
    warningsOf: (domain: string) => readonly string[];
    audit: (isFull: boolean) => Promise<AuditReport>;
  }>;

export function operationsRoutes(options: OperationsOptions): Route[] {
  const { domains, health, warningsOf, metrics, refreshMetrics, audit } = options;
  return [
    {
      method: "GET",
      path: "/healthz",
      access: "open",
      kind: "probe",
      operation: {
        tags: ["operations"],
        summary: "Liveness",
        responses: { 200: answer("alive", named("Liveness", object({ status: TEXT }))) },
      },
      handle: (_request, response) => sendJson(response, 200, { status: "alive" }),
    },
    {
      method: "GET",
      path: "/readyz",
      access: "open",
      kind: "probe",
      operation: {
        tags: ["operations"],
        summary: "Readiness, with reasons if not ready",
        description:
          "A domain's `warnings` do not make it unready; an example is events that the broker rejects.",
        parameters: [DOMAIN_IN_QUERY],
        responses: {
          200: answer("ready", named("Ready", object({ status: TEXT, domains: READY_DOMAINS }))),
          503: answer(
            "not ready",
            named("NotReady", object({ status: TEXT, reasons: arrayOf(TEXT), domains: READY_DOMAINS })),
          ),
          ...problems(400),
        },
      },
      handle: ({ query }, response) => {
        checkNames(query, ["domain"]);
        const asked = chosenDomains(query.domain, domains);
        const unready = health().filter(
          (entry) => entry.domain === undefined || asked.includes(entry.domain),
        );
        const readiness = asked.map((name) => [name, readinessOf(name, unready, warningsOf(name))]);
        const body = { domains: Object.fromEntries(readiness) };
        if (unready.length === 0) return sendJson(response, 200, { status: "ready", ...body });
        const reasons = unready.map(({ domain: name, reason }) =>
          name === undefined || domains.length === 1 ? reason : `${name}: ${reason}`,
        );
        sendJson(response, 503, { status: "not ready", reasons, ...body }, { "retry-after": "2" });
      },
    },
    {
      method: "GET",
      path: "/metrics",
      access: "open",
      kind: "probe",
      operation: {
        tags: ["operations"],
        summary: "Metrics for Prometheus",
        description:
          "OpenMetrics if `Accept` prefers it, as Prometheus does; otherwise the Prometheus text format.",
        responses: {
          200: {
            description: "the metrics",
            content: { [MEDIA_TYPES.openMetrics]: {}, [MEDIA_TYPES.text]: {} },
          },
        },
      },
      handle: async (request, response) => {
        await refreshMetrics();
        const { contentType, text } = await exposeMetrics(metrics.registry, request.headers.accept);
        response.writeHead(200, { "content-type": contentType, "cache-control": "no-store", vary: "accept" });
        response.end(text);
      },
    },
    statusRoute(options),
    {
      method: "GET",
      path: "/audit",
      access: "reader",
      operation: {
        tags: ["operations"],
        summary: "Audit: proves that no message was lost, and runs each domain's checks",
        description:
          "Incremental since the last audit; in full once a day or with `full`. With `domain`, `holds` is about this domain; `storage` is always that of the database.",
        parameters: [DOMAIN_IN_QUERY, inQuery("full", "audit the whole inbox now", FLAG)],
        responses: {
          200: answer("totals per outcome, discrepancies, and failed checks of each domain", AUDIT),
          ...problems(400),
        },
      },
      handle: async ({ query }, response) => {
        const asked = chosenDomains(query.domain, domains);
        const report = await audit(readFlag(query.full, "full"));
        sendJson(response, 200, toJson(partOf(report, asked)));
      },
    },
  ];
}
