/**
 * What a process consists of, as an ordered list of parts: they start from top to bottom, the way a message flows, and
 * stop from bottom to top. Only this file sees everything. The way of a message through one domain is domain-line.ts.
 */
import { Auditor } from "./audit/auditor.ts";
import { insertSourceGap } from "./audit/source-gaps-table.ts";
import type { Config, DomainConfig } from "./config/config.ts";
import type { AnyDomain, OutcomeName } from "./contract/domain.ts";
import { Parts } from "./contract/part.ts";
import { Database } from "./database/database.ts";
import { warnOfDurabilityRisks } from "./database/durability.ts";
import { Jobs } from "./database/jobs.ts";
import { DatabaseMonitor } from "./database/monitor.ts";
import { untilItSucceeds, waitForSchema } from "./database/wait.ts";
import { Desk } from "./deadletter/desk.ts";
import { countByCode, selectRecentGroups } from "./deadletter/find/dead-letter-groups-table.ts";
import { BulkRunner } from "./deadletter/repair/bulk-runner.ts";
import { DomainLine } from "./domain-line.ts";
import { deadLetterRoutes } from "./http/api/deadletters.ts";
import { docsRoutes } from "./http/api/docs.ts";
import { EventFeed } from "./http/api/events.ts";
import { messagesRoutes } from "./http/api/messages.ts";
import { operationsRoutes } from "./http/api/operations.ts";
import { pageRoutes } from "./http/page.ts";
import { Attempts } from "./http/server/attempts.ts";
import { HttpServer } from "./http/server/server.ts";
import { sessionRoutes } from "./http/server/session.ts";
import { ByteBudget } from "./inbox/byte-budget.ts";
import { requireNextPosition, selectHasPayload } from "./inbox/inbox-table.ts";
import { createSources } from "./inbox/sources/create-sources.ts";
import { HttpSource } from "./inbox/sources/http.ts";
import { TimerSource } from "./inbox/sources/timer.ts";
import { CheckpointWatch } from "./projector/checkpoint-watch.ts";
import { Wakeups } from "./projector/wakeups.ts";
import type { Logger } from "./telemetry/logger.ts";
import { TraceLimit } from "./telemetry/trace-limit.ts";
import type { Tracing } from "./telemetry/tracing.ts";
import { DomainMetrics } from "./watch/domain-metrics.ts";
import { refreshGauges } from "./watch/gauges.ts";
import { MessageTraces } from "./watch/message-traces.ts";
import { createMetrics, type Metrics } from "./watch/metrics.ts";
import { auditRecorder } from "./watch/record.ts";

export type App = Readonly<{
  /** Answers HTTP as soon as it runs, whatever else is missing. */
  front: Parts;
  /** Everything that needs the database, from the schema to the sources. */
  flow: Parts;
  /** The port on which HTTP answers while `front` runs. */
  port: () => number;
}>;

/** What all domains of a process share. */
type Shared = Readonly<{
  config: Config;
  logger: Logger;
  metrics: Metrics;
  pools: Pools;
  jobs: Jobs;
  wakeups: Wakeups;
  feed: EventFeed;
  /** Undefined if nothing is traced. */
  createTraces: (() => MessageTraces) | undefined;
}>;

/**
 * @param modules every domain there is; those of `config.domains` run.
 * @param tracing undefined if nothing is traced.
 */
export async function createApp(
  config: Config,
  modules: readonly AnyDomain[],
  logger: Logger,
  tracing: Tracing | undefined,
): Promise<App> {
  const lines: DomainLine[] = [];
  const metrics = createMetrics();
  const pools = openPools(config, logger);
  const jobs = new Jobs(pools.writes, logger);
  const traceLimit = tracing && new TraceLimit(tracing.perSecondMax);
  const shared: Shared = {
    config,
    logger,
    metrics,
    pools,
    jobs,
    wakeups: new Wakeups(jobs),
    feed: new EventFeed(() => countsOf(lines)),
    createTraces: tracing && traceLimit && (() => new MessageTraces(tracing, traceLimit)),
  };
  const budget = new ByteBudget(config.inboxBufferBytesMax);
  metrics.bufferLimitBytes.set(budget.bytesMax);
  for (const domain of config.domains) lines.push(await openLine(shared, modules, domain, budget));

  const monitor = new DatabaseMonitor(pools.reads, (seconds) => metrics.databaseRoundTrip.observe(seconds));
  const operators = openOperators(shared, modules, lines);
  const server = createServer(shared, lines, operators, monitor, tracing, () => [
    ...front.health(),
    ...flow.health(),
  ]);
  let port = 0;

  const front = new Parts([
    { name: "database connections", stop: () => closeAll(pools) },
    {
      name: "database monitor",
      start: () => monitor.start(),
      stop: () => monitor.stop(),
      health: () => (monitor.isConnected ? [] : ["the database does not answer"]),
    },
    {
      name: "HTTP",
      start: async () => {
        port = await server.listen(config.httpHost, config.httpPort);
        logger.info({ address: `http://${config.httpHost}:${port}` }, "answering");
      },
      stop: async () => {
        shared.feed.close();
        await server.close();
      },
    },
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
        untilItSucceeds(logger, signal, waiting, () => operators.bulkRunner.start()),
      stop: () => operators.bulkRunner.stop(),
    },
    ...lines.map(({ intake }) => intake),
    {
      name: "caches and audits",
      start: ({ signal }) => {
        const domains = lines.map(({ name }) => name);
        logger.info({ domains, sources: config.sources }, "taking messages in");
        void restoreThenAudit(lines, operators.auditor, logger, signal);
      },
    },
  ]);
  return { front, flow, port: () => port };
}

type Pools = Readonly<Record<"writes" | "reads" | "desk" | "audit", Database>>;

/** The flow, readers and operators have connections of their own, so that none waits for another. */
function openPools({ databaseUrl }: Config, logger: Logger): Pools {
  const open = (connectionsMax: number, hasTimeouts = true) =>
    new Database(databaseUrl, { connectionsMax, logger, hasTimeouts });
  return {
    writes: open(WRITE_CONNECTIONS),
    reads: open(READ_CONNECTIONS),
    desk: open(DESK_CONNECTIONS),
    // An audit may have to read every row.
    audit: open(1, false),
  };
}

async function closeAll(pools: Pools): Promise<void> {
  await Promise.all(Object.values(pools).map((pool) => pool.close()));
}

/** One domain with its sources. Nothing is started. */
async function openLine(
  { config, logger, metrics, pools, wakeups, feed, createTraces }: Shared,
  modules: readonly AnyDomain[],
  domain: DomainConfig,
  budget: ByteBudget,
): Promise<DomainLine> {
  const module = modules.find(({ name }) => name === domain.name);
  if (!module) throw new Error(`there is no domain ${domain.name}`);
  const http = new HttpSource({
    channel: module.name,
    hasPayload: (position, payload) => selectHasPayload(pools.reads, position, payload),
  });
  const sources = await createSources(config.sources, domain, {
    http,
    logger,
    onRedelivered: (source, channel) => metrics.redelivered.inc({ domain: module.name, source, channel }),
    noteGap: (gap) => insertSourceGap(pools.reads, module.name, gap),
  });
  const { timer } = module;
  if (timer) {
    const nextDueAt = () => timer.nextDueAt(pools.reads);
    sources.push(new TimerSource({ channel: module.name, nextDueAt, payloadOf: timer.payloadOf, logger }));
  }
  return new DomainLine({
    module,
    config: domain,
    writes: pools.writes,
    reads: pools.reads,
    wakeups,
    buffer: budget.share(),
    payloadBytesMax: config.payloadBytesMax,
    sources,
    http,
    feed,
    metrics: new DomainMetrics(metrics, module.name, sources),
    traces: createTraces?.(),
    logger,
  });
}

/** What people do: the desk, bulk redrives and audits. */
function openOperators(
  { logger, metrics, pools, jobs, wakeups, createTraces }: Shared,
  modules: readonly AnyDomain[],
  lines: readonly DomainLine[],
) {
  const lineOf = (domain: string) => lines.find(({ name }) => name === domain);
  const traces = createTraces?.();
  const redriving = {
    database: pools.desk,
    enqueueWakeup: wakeups.enqueue.bind(wakeups),
    onAppended: (domain: string, upTo: bigint) => lineOf(domain)?.projector.wake(upTo),
    traceRedrive: traces?.redrive.bind(traces),
  };
  const settled = async (domain: string, position: bigint, signal: AbortSignal): Promise<OutcomeName> => {
    const line = lineOf(domain);
    if (line) return line.watch.settled(position, signal);
    // Another process runs the domain. That is rare enough for a watch of the caller's own.
    const watch = new CheckpointWatch({ database: pools.reads, domain, logger });
    watch.start();
    return watch.settled(position, signal).finally(() => watch.stop());
  };
  return {
    settled,
    desk: new Desk({
      ...redriving,
      reads: pools.reads,
      jobs,
      domains: modules,
      running: lines.map(({ name }) => name),
      viewOf: async (domain, position) => lineOf(domain)?.service?.viewOf?.(position),
    }),
    bulkRunner: new BulkRunner({ context: redriving, jobs, logger, settled }),
    auditor: new Auditor(
      pools.audit,
      lines.map(({ module }) => module),
      auditRecorder(metrics),
    ),
  };
}

function createServer(
  { config, logger, metrics, pools, feed }: Shared,
  lines: readonly DomainLine[],
  { desk, settled, auditor }: ReturnType<typeof openOperators>,
  monitor: DatabaseMonitor,
  tracing: Tracing | undefined,
  health: () => ReturnType<Parts["health"]>,
): HttpServer {
  const gauged = {
    lines,
    database: monitor,
    pools,
    auditor,
    countDeadLetters: () => countByCode(pools.reads),
    recentDeadLetters: () => selectRecentGroups(pools.reads, RECENT_GROUPS_SHOWN),
  };
  const services = lines.flatMap(({ name, service }) => (service ? [{ domain: name, ...service }] : []));
  const attempts = new Attempts();
  const routes = [
    ...services.flatMap((service) => service.routes),
    ...messagesRoutes(desk, settled),
    ...deadLetterRoutes(desk, config.payloadBytesMax),
    ...operationsRoutes({
      domains: lines.map(({ name }) => name),
      health,
      metrics,
      refreshMetrics: () => refreshGauges(metrics, gauged),
      audit: (isFull) => auditor.run(isFull),
    }),
    feed.route,
    ...sessionRoutes(config.adminToken, attempts),
    ...pageRoutes(services.flatMap(({ domain, page }) => (page ? [{ domain, ...page }] : []))),
  ];
  return new HttpServer({
    routes: [...routes, ...docsRoutes(routes)],
    tokens: config,
    attempts,
    logger,
    metrics,
    tracing,
  });
}

async function countsOf(lines: readonly DomainLine[]) {
  return Object.fromEntries(
    await Promise.all(lines.map(async ({ name, watch }) => [name, await watch.counts()] as const)),
  );
}

/** Fills the caches while everything answers already, then audits now and at an interval. Ends when the signal aborts. */
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
    if (!signal.aborted) logger.error({ err: error }, "no cache is restored and no audit runs any more");
  }
}

/** Bounds the series of a label that could have many values. */
const RECENT_GROUPS_SHOWN = 10;

/** The metric of a service that is never asked for an audit is never older than this. */
const AUDIT_INTERVAL_SECONDS = 600;

/** An append, a projection, and pg-boss's fetching and completing at the same time, with some room. */
const WRITE_CONNECTIONS = 6;

/** One bulk redrive, one long dry run, and people who look at something meanwhile. */
const DESK_CONNECTIONS = 4;

/** Read-through queries are short; more of them at once would only take the processor from the appends. */
const READ_CONNECTIONS = 6;
