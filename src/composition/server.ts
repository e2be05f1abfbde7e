/** Builds the HTTP server: the domains' routes, then the engine's. */

import type { Parts } from "../contract/part.ts";
import type { Route } from "../contract/route.ts";
import type { DatabaseMonitor } from "../database/monitor.ts";
import {
  countByCode,
  type RecentGroup,
  selectRecentGroups,
} from "../deadletter/find/dead-letter-groups-table.ts";
import type { DomainLine } from "../domain-line.ts";
import { actionsRoute } from "../http/api/actions.ts";
import { deadLetterRoutes } from "../http/api/deadletters.ts";
import { docsRoutes } from "../http/api/docs.ts";
import { messagesRoutes } from "../http/api/messages.ts";
import { operationsRoutes } from "../http/api/operations.ts";
import { outboxRoutes } from "../http/api/outbox.ts";
import { sourceRoutes } from "../http/api/sources.ts";
import { pageRoutes } from "../http/page.ts";
import type { AccessGuards } from "../http/server/access.ts";
import { ClientAddresses } from "../http/server/client-address.ts";
import { Origins } from "../http/server/origins.ts";
import { HttpServer } from "../http/server/server.ts";
import { sessionRoutes } from "../http/server/session.ts";
import { Sessions } from "../http/server/sessions.ts";
import { TokenGuessLimiter } from "../http/server/token-guess-limiter.ts";
import type { PauseDesk } from "../inbox/pauses/pause-desk.ts";
import { OutboxDesk } from "../outbox/outbox-desk.ts";
import { selectRefusals } from "../outbox/outbox-refusals-table.ts";
import { countEvents } from "../outbox/outbox-table.ts";
import type { Tracing } from "../telemetry/tracing.ts";
import { refreshGauges } from "../watch/gauges.ts";
import type { Operators } from "./operators.ts";
import type { Shared } from "./shared.ts";

export function createServer(
  { config, logger, metrics, pools, feed, tokens }: Shared,
  lines: readonly DomainLine[],
  { desk, settled, auditor }: Operators,
  pauseDesk: PauseDesk,
  monitor: DatabaseMonitor,
  tracing: Tracing | undefined,
  rpcRoutes: readonly Route[],
  health: () => ReturnType<Parts["health"]>,
): HttpServer {
  let recent: readonly RecentGroup[] = [];
  const gauged = {
    lines,
    outbox: {
      countEvents: (domain: string) => countEvents(pools.reads, domain),
      selectRefusals: (domain: string) => selectRefusals(pools.reads, [domain]),
    },
    database: monitor,
    pools,
    auditor,
    countDeadLetters: () => countByCode(pools.reads),
    recentDeadLetters: async () => {
      recent = await selectRecentGroups(pools.reads, RECENT_GROUPS_SHOWN);
      return recent;
    },
  };
  const services = lines.flatMap(({ name, service }) => (service ? [{ domain: name, ...service }] : []));
  const guards: AccessGuards = {
    tokens,
    attempts: new TokenGuessLimiter(new ClientAddresses(config.trustedProxies)),
    origins: new Origins(config),
    sessions: new Sessions(pools.desk, tokens),
  };
  const routes = [
    ...services.flatMap((service) => service.routes),
    ...rpcRoutes,
    ...messagesRoutes(desk, settled),
    ...deadLetterRoutes(desk, config.payloadBytesMax),
    ...outboxRoutes(
      new OutboxDesk({
        database: pools.desk,
        domains: lines.map(({ name }) => name),
        onReleased: (domain) => lines.find(({ name }) => name === domain)?.relay?.wake(),
      }),
    ),
    ...sourceRoutes(pauseDesk),
    actionsRoute(desk),
    ...operationsRoutes({
      domains: lines.map(({ name }) => name),
      health,
      warningsOf: (domain) => lines.find(({ name }) => name === domain)?.warnings() ?? [],
      metrics,
      refreshMetrics: () => refreshGauges(metrics, gauged),
      recentDeadLetters: () => recent,
      knownOf: (domain) => new Set(lines.find(({ name }) => name === domain)?.module.paths),
      audit: (isFull) => auditor.run(isFull),
    }),
    feed.route(() => countsOf(lines)),
    ...sessionRoutes(guards),
    ...pageRoutes(services.flatMap(({ domain, page }) => (page ? [{ domain, ...page }] : []))),
  ];
  return new HttpServer({
    routes: [...routes, ...docsRoutes(routes)],
    guards,
    logger,
    metrics,
    tracing,
    keepAliveSeconds: config.httpKeepAliveSeconds,
  });
}

/** Bounds the series of a label. */
const RECENT_GROUPS_SHOWN = 10;

async function countsOf(lines: readonly DomainLine[]) {
  return Object.fromEntries(
    await Promise.all(lines.map(async ({ name, watch }) => [name, await watch.counts()] as const)),
  );
}
