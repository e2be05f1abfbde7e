/**
 * The parts of the process, in three lists that start as base, front, flow and stop in reverse. Each list is in start
 * order; that of the flow is the direction of messages. composition/ builds the parts; domain-line.ts shows a message's path.
 */
import type { Auditor } from "./audit/auditor.ts";
import { backgroundWork } from "./composition/background-work.ts";
import { openNotifier } from "./composition/notify.ts";
import { openLine } from "./composition/open-line.ts";
import { openOperators } from "./composition/operators.ts";
import { watchOperatorsFile } from "./composition/operators-file-watch.ts";
import { openPauses } from "./composition/pauses.ts";
import { createRpcs } from "./composition/rpcs.ts";
import { createServer } from "./composition/server.ts";
import { closePools, openPools, type Shared } from "./composition/shared.ts";
import { type Config, httpUrl } from "./config/config.ts";
import type { AnyDomain } from "./contract/domain.ts";
import { Parts } from "./contract/part.ts";
import { warnOfDurabilityRisks } from "./database/durability.ts";
import { Jobs } from "./database/jobs.ts";
import { DatabaseMonitor } from "./database/monitor.ts";
import { untilItSucceeds, waitForSchema } from "./database/wait.ts";
import type { DomainLine } from "./domain-line.ts";
import type { RpcClients } from "./grpc/client.ts";
import { Limiter } from "./grpc/limiter.ts";
import { EventFeed } from "./http/api/events.ts";
import { Tokens } from "./http/server/tokens.ts";
import { ByteBudget } from "./inbox/byte-budget.ts";
import { requireNextPosition } from "./inbox/inbox-table.ts";
import { Wakeups } from "./projector/wakeups.ts";
import type { Logger } from "./telemetry/logger.ts";
import { TraceLimit } from "./telemetry/trace-limit.ts";
import type { Tracing } from "./telemetry/tracing.ts";
import { countDroppedSpans } from "./watch/dropped-spans.ts";
import { MessageTraces } from "./watch/message-traces.ts";
import { createMetrics } from "./watch/metrics.ts";

export type App = Readonly<{
  /** Connections, and what watches them. */
  base: Parts;
  /** Answers even while the flow waits for the database. */
  front: Parts;
  /** Everything that needs the database. */
  flow: Parts;
  port: () => number;
  /** Undefined if no domain has procedures. */
  grpcPort: () => number | undefined;
}>;

/** @param modules those of `config.domains` run. */
export async function createApp(
  config: Config,
  modules: readonly AnyDomain[],
  logger: Logger,
  tracing: Tracing | undefined,
): Promise<App> {
  const lines: DomainLine[] = [];
  const metrics = createMetrics();
  countDroppedSpans(metrics, tracing);
  const pools = openPools(config, logger);
  const jobs = new Jobs(pools.writes, logger);
  const traceLimit = tracing && new TraceLimit(tracing.perSecondMax);
  let rpcClients: Promise<RpcClients> | undefined;
  const loadRpcClients = async () =>
    new (await import("./grpc/client.ts")).RpcClients(metrics, new Limiter(pools.reads));
  const shared: Shared = {
    config,
    logger,
    metrics,
    pools,
    jobs,
    wakeups: new Wakeups(jobs),
    feed: new EventFeed(),
    tokens: new Tokens({ ...config, named: config.operators?.tokens }),
    openRpcClient: async (service, options) => {
      rpcClients ??= loadRpcClients();
      return (await rpcClients).open(service, options);
    },
    createTraces: tracing && traceLimit && (() => new MessageTraces(tracing, traceLimit)),
  };
  const budget = new ByteBudget(config.inboxBufferBytesMax);
  metrics.bufferLimitBytes.set(budget.bytesMax);
  for (const domain of config.domains) lines.push(await openLine(shared, modules, domain, budget));

  const monitor = new DatabaseMonitor(pools.reads, (seconds) => metrics.databaseRoundTrip.observe(seconds));
  const pauses = openPauses(shared, lines);
  const operators = openOperators(shared, modules, lines);
  const notifier = openNotifier(shared, lines, monitor, operators.auditor);

  const base = new Parts([
    { name: "database connections", stop: () => closePools(pools) },
    {
      name: "database monitor",
      start: () => monitor.start(),
      stop: () => monitor.stop(),
      health: () => (monitor.isConnected ? [] : ["the database does not answer"]),
    },
    watchOperatorsFile(config.operators, shared.tokens, logger),
    { name: "alerts", start: () => notifier?.start(), stop: () => notifier?.stop() },
  ]);
  const flow = new Parts([
    {
      name: "schema",
      start: async ({ signal, waiting }) => {
        const domains = lines.map(({ module }) => module);
        await waitForSchema(pools.reads, domains, logger, signal, waiting);
        await untilItSucceeds(logger, signal, waiting, () => requireNextPosition(pools.reads));
        await untilItSucceeds(logger, signal, waiting, () => warnOfDurabilityRisks(pools.reads, logger));
      },
    },
    {
      name: "jobs",
      start: ({ signal, waiting }) => untilItSucceeds(logger, signal, waiting, () => jobs.start()),
      stop: () => jobs.stop(),
    },
    ...lines,
    {
      name: "bulk redrives",
      start: ({ signal, waiting }) =>
        untilItSucceeds(logger, signal, waiting, () => operators.redriveRunner.start()),
      stop: () => operators.redriveRunner.stop(),
    },
    {
      name: "bulk discards",
      start: ({ signal, waiting }) =>
        untilItSucceeds(logger, signal, waiting, () => operators.decisionRunner.start()),
      stop: () => operators.decisionRunner.stop(),
    },
    {
      name: "paused sources",
      start: async ({ signal, waiting }) => {
        // Before any source starts: a paused one stays paused over a restart.
        await untilItSucceeds(logger, signal, waiting, () => pauses.watch.read());
        pauses.watch.start();
      },
      stop: () => pauses.watch.stop(),
    },
    ...lines.map(({ intake }) => intake),
    backgroundWork(lines, logger),
    {
      name: "caches and audits",
      start: ({ signal }) => {
        const domains = lines.map(({ name }) => name);
        logger.info({ domains, sources: config.sources }, "consuming messages");
        void restoreThenAudit(lines, operators.auditor, logger, signal);
      },
    },
  ]);
  const health = () => [...base.health(), ...flow.health()];
  const rpcs = await createRpcs(shared, lines, tracing, health);
  const server = createServer(shared, lines, operators, pauses.desk, monitor, tracing, rpcs.routes, health);
  let port = 0;
  let grpcPort: number | undefined;
  const front = new Parts([
    {
      name: "HTTP",
      start: async () => {
        port = await server.listen(config.httpHost, config.httpPort);
        logger.info({ address: httpUrl(config.httpHost, port) }, "HTTP server listening");
      },
      stop: async () => {
        shared.feed.close();
        for (const { service } of lines) service?.close?.();
        await server.close();
      },
    },
    {
      name: "gRPC",
      start: async () => {
        if (!rpcs.server) return;
        grpcPort = await rpcs.server.listen(config.grpcHost, config.grpcPort);
        logger.info({ address: httpUrl(config.grpcHost, grpcPort) }, "gRPC server listening");
      },
      stop: async () => {
        await rpcs.server?.close();
        (await rpcClients)?.close();
      },
    },
  ]);
  return { base, front, flow, port: () => port, grpcPort: () => grpcPort };
}

async function restoreThenAudit(
  lines: readonly DomainLine[],
  auditor: Auditor,
  logger: Logger,
  signal: AbortSignal,
): Promise<void> {
  try {
    await Promise.all(lines.map((line) => line.restore(signal)));
    await auditor.runEvery(AUDIT_INTERVAL_SECONDS, signal, logger);
  } catch (error) {
    if (!signal.aborted) logger.error({ err: error }, "restoring caches and auditing stopped");
  }
}

/** Keeps the audit's metrics fresh. */
const AUDIT_INTERVAL_SECONDS = 600;
