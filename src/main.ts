/**
 * The life of the service, in the order in which a message flows: what is started goes onto one stack and is stopped
 * in reverse, so the way out is the way in read backwards. How the parts are connected stands in assembly.ts.
 */
import { type Assembly, assemble } from "./assembly.ts";
import { runProcess } from "./cli/process.ts";
import { type Config, loadConfig } from "./config/config.ts";
import { armFailpoint } from "./config/failpoint.ts";
import { untilItSucceeds, waitForSchema } from "./database/wait.ts";
import { selectHead } from "./inbox/inbox-table.ts";
import { createLogger, type Logger } from "./telemetry/logger.ts";
import type { Tracing } from "./telemetry/tracing.ts";

export type Service = AsyncDisposable & Readonly<{ port: number }>;

/** Starts everything. Resolves once HTTP answers; a database or broker that is away is waited for from then on. */
export async function startService(config: Config, logger: Logger): Promise<Service> {
  const stop = new AbortController();
  const state = { startUp: "starting" as string | undefined };
  await using started = new AsyncDisposableStack();
  const tracing = config.tracing && started.use(await startTracing(config.tracing));
  const unready = () => unreadyReasons(parts, state.startUp, stop.signal);
  const parts: Assembly = await assemble(config, logger, unready, tracing);

  started.use(parts.writes);
  started.use(parts.reads);
  started.use(parts.deskDatabase);
  started.use(parts.auditDatabase);
  parts.database.start();
  started.defer(() => parts.database.stop());
  parts.stallWatch.start();
  started.defer(() => parts.stallWatch.stop());
  parts.rebuildWatch.start();
  started.defer(() => parts.rebuildWatch.stop());

  const port = await parts.server.listen(config.httpHost, config.httpPort);
  started.defer(() => parts.server.close());
  started.defer(() => parts.feed.close());
  logger.info({ address: `http://${config.httpHost}:${port}` }, "answering");

  const flow = startFlow(parts, config, logger, stop.signal, (reason) => {
    state.startUp = reason;
  });
  started.defer(() => parts.jobs.stop());
  started.defer(() => parts.projector.stop());
  started.defer(() => parts.bulkRunner.stop());
  started.defer(() => Promise.all(parts.sources.map((source) => source.close())).then(() => {}));
  started.defer(() => parts.inbox.drain(DRAIN_SECONDS));
  started.defer(() => Promise.all(parts.sources.map((source) => source.stop())).then(() => {}));
  started.defer(async () => {
    logger.info("stopping");
    stop.abort();
    await flow;
  });

  const stack = started.move();
  return { port, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

/** Loads what tracing needs only where something is traced. */
async function startTracing(config: NonNullable<Config["tracing"]>): Promise<Tracing> {
  const { Tracing: Started } = await import("./telemetry/tracing.ts");
  const tracing = new Started(config, "waybill");
  tracing.instrumentDatabase();
  return tracing;
}

/** Everything that needs the database. What is not there yet is waited for, and readiness says what that is. */
async function startFlow(
  { reads, writes, orders, jobs, bulkRunner, wakeups, wakeUp, confirm, sink, sources, auditor }: Assembly,
  config: Config,
  logger: Logger,
  signal: AbortSignal,
  onStartUp: (reason: string | undefined) => void,
): Promise<void> {
  const { name } = orders.domain;
  try {
    await waitForSchema(reads, logger, signal, onStartUp);
    await untilItSucceeds(logger, signal, onStartUp, () => jobs.start());
    await untilItSucceeds(logger, signal, onStartUp, () => wakeups.work(name, wakeUp, confirm));
    // Whatever an earlier life left undone is read on from the checkpoint, even where its job is lost.
    const enqueue = async () => wakeups.enqueue(writes, name, await selectHead(reads, name));
    await untilItSucceeds(logger, signal, onStartUp, enqueue);
    await untilItSucceeds(logger, signal, onStartUp, () => bulkRunner.start());
    for (const source of sources) source.start(sink);
    onStartUp(undefined);
    logger.info({ sources: config.sources }, "taking messages in");
    const begun = performance.now();
    const entries = await untilItSucceeds(
      logger,
      signal,
      () => {},
      () => orders.restore(reads, signal),
    );
    logger.info({ entries, seconds: (performance.now() - begun) / 1000 }, "the cache is restored");
    await auditor.runEvery(AUDIT_INTERVAL_SECONDS, signal, logger);
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

function unreadyReasons(parts: Assembly, startUp: string | undefined, signal: AbortSignal): string[] {
  const reasons: string[] = [];
  if (signal.aborted) reasons.push("stopping");
  if (startUp !== undefined) reasons.push(`starting: ${startUp}`);
  if (!parts.database.isConnected) reasons.push("the database does not answer");
  if (parts.inbox.failure !== undefined) reasons.push("the last append failed and is tried again");
  if (parts.projector.failure !== undefined) reasons.push("the last projection failed and is tried again");
  const { stalledAt, seconds } = parts.stallWatch;
  if (stalledAt !== undefined) {
    reasons.push(`the projection has stood still for ${Math.round(seconds)} s before position ${stalledAt}`);
  }
  for (const { name, health } of parts.sources) {
    // Why it is not stands in the log: this route is open, and a driver's text names hosts and ports.
    if (!health.connected) reasons.push(`source ${name} is not connected`);
  }
  return reasons;
}

/** How long what is held may take to be appended when the service stops; the rest comes again from the broker. */
const DRAIN_SECONDS = 3;

/** The metric of a service that nobody asks is never older than this. */
const AUDIT_INTERVAL_SECONDS = 600;

if (import.meta.main) {
  await runProcess(() => {
    const config = loadConfig();
    if (config.failpoint) armFailpoint(config.failpoint.name, config.failpoint.passes);
    return startService(config, createLogger(config.logLevel));
  });
}
