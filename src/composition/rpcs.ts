/** Builds the domains' procedures, the gRPC server, and the gateway's routes. */

import { reachedBy } from "../config/config.ts";
import { ConfigError } from "../config/read.ts";
import type { Parts } from "../contract/part.ts";
import type { Route } from "../contract/route.ts";
import type { DomainLine } from "../domain-line.ts";
import type { GrpcServer } from "../grpc/server.ts";
import type { Tracing } from "../telemetry/tracing.ts";
import type { Shared } from "./shared.ts";

export type Rpcs = Readonly<{
  routes: readonly Route[];
  /** Undefined if no domain has procedures. */
  server: GrpcServer | undefined;
}>;

/** @throws ConfigError if other machines could call without a token. */
export async function createRpcs(
  { config, logger, metrics, tokens }: Shared,
  lines: readonly DomainLine[],
  tracing: Tracing | undefined,
  health: () => ReturnType<Parts["health"]>,
): Promise<Rpcs> {
  if (lines.every(({ service }) => (service?.rpcs ?? []).length === 0))
    return { routes: [], server: undefined };
  const { addReflection, CALL_BYTES_MAX, GrpcServer, gatewayRoutes, Health, HealthService, proceduresOf } =
    await import("../grpc/serve.ts");
  const bytesMax = Math.min(config.payloadBytesMax, CALL_BYTES_MAX);
  const watching = { metrics, logger, tracing };
  const served = lines.flatMap(({ name: domain, service }) =>
    (service?.rpcs ?? []).map((rpc) => ({
      domain,
      service: rpc.service,
      procedures: proceduresOf(rpc, watching),
    })),
  );
  const reached = reachedBy(config);
  if (tokens.anonymousRights.includes("post") && reached !== undefined)
    throw new ConfigError([`INGRESS_TOKEN must be set because ${reached}, which others can reach`]);
  const ownHealth = new Health(
    new Map(served.map(({ domain, service }) => [service.typeName, domain])),
    health,
  );
  return {
    routes: served.flatMap(({ domain, procedures }) => gatewayRoutes(domain, procedures, bytesMax)),
    server: new GrpcServer({
      procedures: served.flatMap(({ procedures }) => procedures),
      addOwn: (router) => {
        ownHealth.addTo(router);
        addReflection(router, [...served.map(({ service }) => service), HealthService]);
      },
      onStop: () => ownHealth.stop(),
      mayCall: (token) =>
        tokens.anonymousRights.includes("post") ||
        (token !== undefined && (tokens.callerOf(token)?.rights.includes("post") ?? false)),
      messageBytesMax: bytesMax,
      metrics,
      logger,
    }),
  };
}
