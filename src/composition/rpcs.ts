/** Builds what answers calls: the procedures of the domains, the gRPC server, and the gateway's routes. */

import { reachedBy } from "../config/config.ts";
import { ConfigError } from "../config/read.ts";
import type { Parts } from "../contract/part.ts";
import type { Route } from "../contract/route.ts";
import type { DomainLine } from "../domain-line.ts";
import { gatewayRoutes } from "../grpc/gateway/routes.ts";
import { Health } from "../grpc/health.ts";
import { proceduresOf } from "../grpc/procedure.ts";
import { addReflection } from "../grpc/reflection.ts";
import { GrpcServer } from "../grpc/server.ts";
import { Health as HealthService } from "../proto/grpc/health/v1/health_pb.ts";
import type { Tracing } from "../telemetry/tracing.ts";
import type { Shared } from "./shared.ts";

export type Rpcs = Readonly<{
  routes: readonly Route[];
  /** Undefined if no domain has procedures. */
  server: GrpcServer | undefined;
}>;

/** @throws ConfigError if others could call without a token. */
export function createRpcs(
  { config, logger, metrics }: Shared,
  lines: readonly DomainLine[],
  tracing: Tracing | undefined,
  health: () => ReturnType<Parts["health"]>,
): Rpcs {
  const watching = { metrics, logger, tracing };
  const served = lines.flatMap(({ name: domain, service }) =>
    (service?.rpcs ?? []).map((rpc) => ({
      domain,
      service: rpc.service,
      procedures: proceduresOf(rpc, watching),
    })),
  );
  if (served.length === 0) return { routes: [], server: undefined };
  const reached = reachedBy(config);
  if (config.ingressToken === undefined && reached !== undefined)
    throw new ConfigError([`INGRESS_TOKEN must be set because ${reached}, which others can reach`]);
  const ownHealth = new Health(
    new Map(served.map(({ domain, service }) => [service.typeName, domain])),
    health,
  );
  return {
    routes: served.flatMap(({ domain, procedures }) =>
      gatewayRoutes(domain, procedures, config.payloadBytesMax),
    ),
    server: new GrpcServer({
      procedures: served.flatMap(({ procedures }) => procedures),
      addOwn: (router) => {
        ownHealth.addTo(router);
        addReflection(router, [...served.map(({ service }) => service), HealthService]);
      },
      onStop: () => ownHealth.stop(),
      token: config.ingressToken,
      messageBytesMax: config.payloadBytesMax,
      metrics,
      logger,
    }),
  };
}
