/** The routes that say how the service is: alive, ready, its metrics, and whether anything was lost. */

import type { AuditReport } from "../../audit/audit.ts";
import { toJson } from "../../audit/audit.ts";
import { InvalidInputError } from "../../contract/errors.ts";
import {
  answer,
  arrayOf,
  COUNT,
  FLAG,
  inQuery,
  nullable,
  object,
  problems,
  TEXT,
  TIME,
} from "../../contract/openapi.ts";
import type { Unready } from "../../contract/part.ts";
import { type Route, sendJson } from "../../contract/route.ts";
import { checkNames, readFlag } from "../../contract/values/parameters.ts";
import { exposeMetrics, MEDIA_TYPES } from "../../watch/exposition.ts";
import type { Metrics } from "../../watch/metrics.ts";
import { statusRoute } from "./status.ts";

/** May be below 0, where a rebuild has given room back. */
const PER_DAY = nullable({ type: "integer" });

const AUDIT = object({
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
});

const READY_DOMAINS = {
  type: "object",
  additionalProperties: object({ ready: FLAG, reasons: arrayOf(TEXT) }, { warnings: arrayOf(TEXT) }),
};

function readinessOf(domain: string, unready: readonly Unready[], warnings: readonly string[]) {
  const reasons = unready.filter((one) => one.domain === undefined || one.domain === domain);
  return {
    ready: reasons.length === 0,
    reasons: reasons.map(({ reason }) => reason),
    ...(warnings.length > 0 ? { warnings } : {}),
  };
}

export type OperationsOptions = Readonly<{
  /** The domains that run here. */
  domains: readonly string[];
  /** Why the service, or one of its domains, is not ready; empty if it is. */
  health: () => readonly Unready[];
  /** What waits in a domain although it is ready. */
  warningsOf: (domain: string) => readonly string[];
  metrics: Metrics;
  /** Brings the gauges up to date before they are read. */
  refreshMetrics: () => Promise<void>;
  audit: (isFull: boolean) => Promise<AuditReport>;
}>;

export function operationsRoutes({
  domains,
  health,
  warningsOf,
  metrics,
  refreshMetrics,
  audit,
}: OperationsOptions): Route[] {
  return [
    {
      method: "GET",
      path: "/healthz",
      access: "open",
      kind: "probe",
      operation: {
        tags: ["operations"],
        summary: "Whether the process is alive",
        responses: { 200: answer("it is", object({ status: TEXT })) },
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
        summary: "Whether the service is ready, and if not, why",
        description:
          "`warnings` of a domain say what waits although the domain is ready, such as events that a broker does not take.",
        parameters: [inQuery("domain", "asks for one domain of the process alone", TEXT)],
        responses: {
          200: answer("it is", object({ status: TEXT, domains: READY_DOMAINS })),
          503: answer("it is not", object({ status: TEXT, reasons: arrayOf(TEXT), domains: READY_DOMAINS })),
          ...problems(400),
        },
      },
      handle: ({ query }, response) => {
        checkNames(query, ["domain"]);
        const { domain } = query;
        if (domain !== undefined && !domains.includes(domain)) {
          throw new InvalidInputError("domain", `the domains of this process are ${domains.join(", ")}`);
        }
        const asked = domain === undefined ? domains : [domain];
        const unready = health().filter((one) => one.domain === undefined || asked.includes(one.domain));
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
          "OpenMetrics for those who prefer it by `Accept`, as Prometheus does; else the text format.",
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
    statusRoute({ domains, metrics, refreshMetrics }),
    {
      method: "GET",
      path: "/audit",
      access: "operator",
      operation: {
        tags: ["operations"],
        summary:
          "Whether anything was lost: conservation over the whole inbox, and the checks of each domain",
        description:
          "What an earlier audit has proved is counted with it; once a day, everything is read again.",
        parameters: [inQuery("full", "whether to read everything now", FLAG)],
        responses: {
          200: answer(
            "the sums, every position that breaks them, and what breaks a check of a domain",
            AUDIT,
          ),
        },
      },
      handle: async ({ query }, response) => {
        sendJson(response, 200, toJson(await audit(readFlag(query.full, "full"))));
      },
    },
  ];
}
