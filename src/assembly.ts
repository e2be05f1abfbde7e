/**
 * Which part is connected to which. Only this file and main.ts see everything: the domains know nothing of the
 * engine around them, and the engine knows nothing of any one domain. Nothing is started here.
 */

import { Auditor } from "./audit/auditor.ts";
import { insertSourceGap } from "./audit/source-gaps-table.ts";
import type { Config, SourceName } from "./config/config.ts";
import type { Source, SourceGap } from "./contract/source.ts";
import { Database } from "./database/database.ts";
import { Jobs } from "./database/jobs.ts";
import { DatabaseMonitor } from "./database/monitor.ts";
import { createDesk } from "./deadletter/desk.ts";
import { countByCode, selectRecentGroups } from "./deadletter/find/dead-letter-groups-table.ts";
import { BulkRunner } from "./deadletter/repair/bulk-runner.ts";
import { PERSONAL_NAMES } from "./domains/index.ts";
import { createOrders } from "./domains/orders/index.ts";
import { deadLetterRoutes } from "./http/api/deadletters.ts";
import { docsRoutes } from "./http/api/docs.ts";
import { EventFeed } from "./http/api/events.ts";
import { intakeRoute } from "./http/api/intake.ts";
import { messagesRoutes } from "./http/api/messages.ts";
import { operationsRoutes } from "./http/api/operations.ts";
import { pageRoutes } from "./http/page.ts";
import { Attempts } from "./http/server/attempts.ts";
import { HttpServer } from "./http/server/server.ts";
import { sessionRoutes } from "./http/server/session.ts";
import { append } from "./inbox/append.ts";
import { Inbox } from "./inbox/inbox.ts";
import { selectHasPayload } from "./inbox/inbox-table.ts";
import { HttpSource } from "./inbox/sources/http.ts";
import { Progress } from "./projector/progress.ts";
import { deadLettersOf } from "./projector/project.ts";
import { Projector } from "./projector/projector.ts";
import { RebuildWatch } from "./projector/rebuild-watch.ts";
import { StallWatch } from "./projector/stall-watch.ts";
import { Statistics } from "./projector/statistics.ts";
import { Wakeups } from "./projector/wakeups.ts";
import type { Logger } from "./telemetry/logger.ts";
import type { Tracing } from "./telemetry/tracing.ts";
import { refreshGauges } from "./watch/gauges.ts";
import { MessageTraces } from "./watch/message-traces.ts";
import { createMetrics } from "./watch/metrics.ts";
import { auditRecorder, countRefusals, recordAppend, recordProjection } from "./watch/record.ts";

export type Assembly = Awaited<ReturnType<typeof assemble>>;

/**
 * @param unready gives the reasons for which the service is not ready.
 * @param tracing undefined where nothing is traced.
 */
export async function assemble(
  config: Config,
  logger: Logger,
  unready: () => readonly string[],
  tracing: Tracing | undefined,
) {
  const traces = tracing && new MessageTraces(tracing);
  const metrics = createMetrics();
  // One pool for what must not wait, one for readers, who may.
  const writes = new Database(config.databaseUrl, { connectionsMax: WRITE_CONNECTIONS, logger });
  const reads = new Database(config.databaseUrl, { connectionsMax: READ_CONNECTIONS, logger });
  // What operators do may take long; it neither waits for readers nor lets them wait.
  const deskDatabase = new Database(config.databaseUrl, { connectionsMax: DESK_CONNECTIONS, logger });
  const database = new DatabaseMonitor(reads, (seconds) => metrics.databaseRoundTrip.observe(seconds));

  const orders = createOrders({
    database: reads,
    cacheBytesMax: config.cacheBytesMax,
    onAccepted: (accepted) => feed.announce("orders", accepted),
  });
  const { domain, cache, reads: cacheReads } = orders;
  const statistics = new Statistics(reads, domain.name);
  const feed = new EventFeed(async () => ({ [domain.name]: await statistics.counts() }));
  const progress = new Progress();
  // It reads everything there is, which takes as long as it takes.
  const auditDatabase = new Database(config.databaseUrl, { connectionsMax: 1, logger, hasTimeouts: false });
  const auditor = new Auditor(auditDatabase, [domain], auditRecorder(metrics));

  const rebuildWatch = new RebuildWatch(reads, domain.name, () => {
    logger.info({ domain: domain.name }, "the projection was rebuilt; the cache begins anew");
    cache.clear();
  });

  const jobs = new Jobs(writes, logger);
  const wakeups = new Wakeups(jobs, traces && (() => traces.traceparentOfJob()));
  const projector = new Projector({
    database: writes,
    domain,
    logger,
    ...(traces ? { around: (project) => traces.project(domain.name, project) } : {}),
    onFailed: () => metrics.projectionFailures.inc({ domain: domain.name }),
    onProjected: (batch, seconds) => {
      recordProjection(metrics, domain.name, batch, seconds);
      progress.advanced(domain.name, batch.checkpoint);
      feed.announce("deadletters", deadLettersOf(batch));
    },
  });
  const stallWatch = new StallWatch({
    database: reads,
    domain: domain.name,
    logger,
    reason: () => projector.failure,
  });
  const enqueueWakeup = (...wakeup: Parameters<Wakeups["enqueue"]>) => wakeups.enqueue(...wakeup);
  const inbox = new Inbox({
    append: (messages) => {
      const appendAll = () => append(writes, domain.name, messages, enqueueWakeup);
      return traces ? traces.append(messages, appendAll) : appendAll();
    },
    pace: () => projector.handover.waitForRoom(),
    bufferBytesMax: config.inboxBufferBytesMax,
    logger,
    onFailed: () => metrics.appendFailures.inc(),
    onAppended: (messages, appended, seconds) => {
      recordAppend(metrics, messages, appended.receipts, seconds);
      projector.handover.put(messages, appended);
      if (appended.upTo !== undefined) projector.wake(appended.upTo);
    },
  });

  const http = new HttpSource({
    channel: domain.name,
    hasPayload: (position, payload) => selectHasPayload(reads, position, payload),
  });
  // The library of a broker takes time and memory, so it is loaded only where its source runs.
  const create: Readonly<Record<SourceName, () => Source | Promise<Source>>> = {
    http: () => http,
    "nats-streaming": async () => {
      const { NatsStreamingSource } = await import("./inbox/sources/nats-streaming/nats-streaming.ts");
      return new NatsStreamingSource({
        url: config.natsUrl,
        clusterId: config.stanClusterId,
        clientId: config.stanClientId,
        channel: config.stanChannel,
        durable: config.stanDurable,
        queueGroup: config.stanQueueGroup,
        ackWaitSeconds: config.stanAckWaitSeconds,
        logger,
        onRedelivered: (channel) => metrics.redelivered.inc({ source: "nats-streaming", channel }),
      });
    },
    jetstream: async () => {
      const { JetStreamSource } = await import("./inbox/sources/jetstream/jetstream.ts");
      return new JetStreamSource({
        ...config.jetStream,
        logger,
        onRedelivered: (channel) => metrics.redelivered.inc({ source: "jetstream", channel }),
      });
    },
    kafka: async () => {
      const { KafkaSource } = await import("./inbox/sources/kafka/kafka.ts");
      const noteGap = (gap: SourceGap) => insertSourceGap(reads, domain.name, gap);
      return new KafkaSource({ ...config.kafka, logger, noteGap });
    },
  };
  const sources = await Promise.all(config.sources.map((name) => create[name]()));

  const redriving = {
    database: deskDatabase,
    enqueueWakeup,
    onAppended: (_domain: string, upTo: bigint) => projector.wake(upTo),
    traceRedrive:
      traces && ((...redriven: Parameters<MessageTraces["redrive"]>) => traces.redrive(...redriven)),
  };
  const desk = createDesk({
    ...redriving,
    reads,
    domains: [domain],
    personalNames: PERSONAL_NAMES,
    jobs,
  });
  const bulkRunner = new BulkRunner({
    context: redriving,
    jobs,
    logger,
    waitFor: (name, position, signal) => progress.wait(reads, name, position, signal),
  });

  const gauged = {
    domain: domain.name,
    statistics,
    sources,
    inbox,
    cache,
    cacheReads,
    database,
    auditor,
    stallWatch,
    pools: { writes, reads, desk: deskDatabase, audit: auditDatabase },
    countDeadLetters: () => countByCode(reads),
    recentDeadLetters: () => selectRecentGroups(reads, RECENT_GROUPS_SHOWN),
  };
  // What has not happened yet is a zero and not nothing: a rate needs something to begin with.
  metrics.projectionFailures.inc({ domain: domain.name }, 0);
  for (const { name: source, channel } of sources) {
    metrics.refused.inc({ source, channel }, 0);
    metrics.redelivered.inc({ source, channel }, 0);
    metrics.inboxAppended.inc({ source, channel }, 0);
    metrics.gapMessages.set({ domain: domain.name, source, channel }, 0);
  }
  metrics.bufferLimitBytes.set(config.inboxBufferBytesMax);
  metrics.cacheLimitBytes.set(config.cacheBytesMax);
  const operations = operationsRoutes({
    unready,
    metrics,
    refreshMetrics: () => refreshGauges(metrics, gauged),
    audit: (isFull) => auditor.run(isFull),
  });
  const intake = intakeRoute({
    path: "/orders",
    payloadBytesMax: config.payloadBytesMax,
    receive: (...message) => http.receive(...message),
    hasRoomFor: (bytes) => inbox.hasRoomForBytes(bytes),
  });
  const attempts = new Attempts();
  const routes = [
    ...orders.routes,
    ...(sources.includes(http) ? [intake] : []),
    ...messagesRoutes(reads, progress, desk),
    ...deadLetterRoutes(desk, config.payloadBytesMax),
    ...operations,
    feed.route,
    ...sessionRoutes(config.adminToken, attempts),
    ...pageRoutes(),
  ];
  const server = new HttpServer({
    routes: [...routes, ...docsRoutes(routes)],
    tokens: config,
    attempts,
    logger,
    metrics,
    tracing,
  });
  const confirm = (position: bigint) => projector.confirm(position);
  const wakeUp = (position: bigint, traceparent: string | undefined) => {
    const reach = () => projector.reach(position);
    return traces ? traces.wakeUp(traceparent, reach) : reach();
  };

  return {
    writes,
    reads,
    deskDatabase,
    auditDatabase,
    database,
    orders,
    jobs,
    bulkRunner,
    wakeups,
    projector,
    inbox,
    sink: countRefusals(traces?.sink(inbox) ?? inbox, metrics),
    wakeUp,
    confirm,
    sources,
    auditor,
    rebuildWatch,
    stallWatch,
    feed,
    server,
  };
}

/** Bounds the series of a label that could have many values. */
const RECENT_GROUPS_SHOWN = 10;

/** An append, a projection, and pg-boss's fetching and completing at the same time, with some room. */
const WRITE_CONNECTIONS = 6;

/** One bulk redrive, one long dry run, and whoever looks at something meanwhile. */
const DESK_CONNECTIONS = 4;

/** Read-through queries are short; more of them at once would only take the processor from the appends. */
const READ_CONNECTIONS = 6;
