/**
 * One running domain: the path of its messages through this process.
 *
 *   source ─▶ inbox ─ append, commit ─▶ acknowledge
 *                       └▶ handover ─▶ projector ─ project, commit ─▶ service.onProjected, watch, events
 *   wake-up job ───────────────────────▶ projector        └▶ outbox ─▶ relay ─▶ broker
 *
 * A failed append or batch is retried, and only this domain becomes unready.
 */
import type { DomainConfig } from "./config/config.ts";
import type { AnyDomain, DomainContext, DomainService } from "./contract/domain.ts";
import type { Message } from "./contract/message.ts";
import type { Part, Starting } from "./contract/part.ts";
import type { OpenRpcClient } from "./contract/rpc.ts";
import type { Sink, Source } from "./contract/source.ts";
import type { Database } from "./database/database.ts";
import { untilItSucceeds } from "./database/wait.ts";
import { insertReveals } from "./deadletter/operator-actions-table.ts";
import { readOperator } from "./deadletter/repair/requests.ts";
import { outsideCalls } from "./grpc/call.ts";
import type { EventFeed } from "./http/api/events.ts";
import { intakeRoute } from "./http/api/intake.ts";
import { type Appended, append } from "./inbox/append.ts";
import type { ByteShare } from "./inbox/byte-budget.ts";
import { firstMessagesOf } from "./inbox/first-messages.ts";
import { Inbox } from "./inbox/inbox.ts";
import { selectHead, selectPositions } from "./inbox/inbox-table.ts";
import type { HttpSource } from "./inbox/sources/http.ts";
import { OutboxRelay } from "./outbox/relay.ts";
import type { Transport } from "./outbox/transport.ts";
import { CheckpointWatch } from "./projector/checkpoint-watch.ts";
import { deadLettersOf, type ProjectedBatch } from "./projector/project.ts";
import { Projector } from "./projector/projector.ts";
import type { Wakeups } from "./projector/wakeups.ts";
import type { Logger } from "./telemetry/logger.ts";
import type { DomainMetrics } from "./watch/domain-metrics.ts";
import type { MessageTraces } from "./watch/message-traces.ts";

export type DomainLineOptions = Readonly<{
  module: AnyDomain;
  config: DomainConfig;
  /** Must not wait for readers. */
  writes: Database;
  reads: Database;
  wakeups: Wakeups;
  buffer: ByteShare;
  payloadBytesMax: number;
  sources: readonly Source[];
  http: HttpSource;
  /** Undefined if events stay in the outbox. */
  transport: Transport | undefined;
  feed: EventFeed;
  openRpcClient: OpenRpcClient;
  metrics: DomainMetrics;
  /** Undefined if tracing is off. */
  traces: MessageTraces | undefined;
  logger: Logger;
}>;

export class DomainLine implements Part {
  readonly name: string;
  readonly domain: string;
  readonly module: AnyDomain;
  readonly watch: CheckpointWatch;
  readonly projector: Projector;
  readonly inbox: Inbox;
  readonly relay: OutboxRelay | undefined;
  /** Started last and stopped first. */
  readonly intake: Intake;
  #service: DomainService | undefined;
  readonly #options: DomainLineOptions;

  constructor(options: DomainLineOptions) {
    const { module, writes, reads, buffer, transport, metrics, traces, logger } = options;
    this.#options = options;
    this.name = module.name;
    this.domain = module.name;
    this.module = module;
    this.watch = new CheckpointWatch({
      database: reads,
      domain: module.name,
      logger,
      failure: () => this.projector.failure,
      onRebuilt: () => this.#rebuilt(),
    });
    this.projector = new Projector({
      database: writes,
      domain: module,
      logger,
      ...(traces ? { around: (project) => traces.project(module.name, project) } : {}),
      onFailed: () => metrics.projectionFailed(),
      onProjectedElsewhere: () => void this.watch.look(),
      onProjected: (batch, seconds) => this.#projected(batch, seconds),
    });
    this.relay =
      transport &&
      new OutboxRelay({
        database: writes,
        domain: module.name,
        transport,
        logger,
        onSent: (events, seconds) => {
          metrics.sent(events, seconds);
          traces?.sent(module.name, events, seconds);
        },
      });
    this.inbox = new Inbox({
      append: (messages) => this.#append(messages),
      waitForTurn: () => this.projector.handover.waitForRoom(),
      onAppended: (messages, appended, seconds) => this.#appended(messages, appended, seconds),
      onFailed: () => metrics.appendFailed(),
      buffer,
      logger,
    });
    const sink = metrics.countRefusals(traces?.sink(this.inbox) ?? this.inbox);
    this.intake = new Intake(module.name, options.sources, this.inbox, sink);
  }

  get service(): DomainService | undefined {
    return this.#service;
  }

  async open(): Promise<void> {
    const { module, config } = this.#options;
    this.#service = await module.open?.(this.#context(), config.settings);
  }

  async start({ signal, waiting }: Starting): Promise<void> {
    const { writes, reads, wakeups, logger } = this.#options;
    this.watch.start();
    const wakeUp = (position: bigint, traceparent: string | undefined) => this.#wakeUp(position, traceparent);
    const confirm = (position: bigint) => this.projector.confirm(position);
    await untilItSucceeds(logger, signal, waiting, () => wakeups.work(this.name, wakeUp, confirm));
    await untilItSucceeds(logger, signal, waiting, () => this.#appendFirstMessages());
    // An earlier process may have left unprojected messages without a job.
    await untilItSucceeds(logger, signal, waiting, async () =>
      wakeups.enqueue(writes, this.name, await selectHead(reads, this.name)),
    );
    this.relay?.start();
  }

  /** @throws when the signal aborts. */
  async restore(signal: AbortSignal): Promise<void> {
    const { logger } = this.#options;
    const { service } = this;
    if (!service?.restore) return;
    const begun = performance.now();
    const entries = await untilItSucceeds(
      logger,
      signal,
      () => {},
      async () => service.restore?.(signal),
    );
    const seconds = (performance.now() - begun) / 1000;
    logger.info({ domain: this.name, entries, seconds }, "the cache is restored");
  }

  async stop(): Promise<void> {
    await this.projector.stop();
    await this.relay?.stop();
    this.watch.stop();
  }

  health(): string[] {
    const reasons: string[] = [];
    if (this.inbox.failure !== undefined) reasons.push("the last append failed and is being retried");
    if (this.projector.failure !== undefined) reasons.push("the last projection failed and is being retried");
    const { stalledAt, stalledSeconds } = this.watch;
    if (stalledAt !== undefined) {
      reasons.push(
        `the projection is stalled for ${Math.round(stalledSeconds)} s before position ${stalledAt}`,
      );
    }
    return reasons;
  }

  /** Public. The domain stays ready: a restart would not help. */
  warnings(): string[] {
    const { relay } = this;
    const paused = this.intake.warnings();
    if (!relay) return paused;
    const refused = relay.refusals.filter(({ state }) => state === "blocked");
    return [
      ...paused,
      ...(relay.isFailing ? ["the last batch of events could not be sent and is being retried"] : []),
      ...refused
        .slice(0, REFUSALS_SHOWN)
        .map(
          ({ position, ordinal, reason }) =>
            `event ${position}/${ordinal} is refused by the broker (${reason}); events of its key wait`,
        ),
      ...(refused.length > REFUSALS_SHOWN
        ? [`${refused.length - REFUSALS_SHOWN} more events are refused`]
        : []),
    ];
  }

  async #appendFirstMessages(): Promise<void> {
    const messages = firstMessagesOf(this.module);
    if (messages.length === 0) return;
    const positions = await selectPositions(this.#options.reads, messages);
    if (positions.every((position) => position !== null)) return;
    const begun = performance.now();
    const appended = await this.#append(messages);
    this.#appended(messages, appended, (performance.now() - begun) / 1000);
  }

  /** In one transaction. */
  #append(messages: readonly Message[]): Promise<Appended> {
    const { writes, wakeups, traces } = this.#options;
    const appendAll = () =>
      append(writes, this.name, messages, (transaction, domain, upTo) =>
        wakeups.enqueue(transaction, domain, upTo, traces?.traceparentOfJob()),
      );
    return traces ? traces.append(messages, appendAll) : appendAll();
  }

  /** The projector then need not read the batch back. */
  #appended(messages: readonly Message[], appended: Appended, seconds: number): void {
    this.#options.metrics.appended(messages, appended.receipts, seconds);
    this.projector.handover.put(messages, appended);
    if (appended.upTo !== undefined) this.projector.wake(appended.upTo);
  }

  #projected(batch: ProjectedBatch, seconds: number): void {
    const { metrics, feed } = this.#options;
    // A call may have started the projector's loop.
    outsideCalls(() => this.service?.onProjected?.(batch.added));
    metrics.projected(batch, seconds);
    this.watch.advanced(batch.rows, batch.outcomes);
    if (batch.events > 0) this.relay?.wake();
    feed.publish("deadletters", deadLettersOf(this.name, batch));
  }

  #wakeUp(position: bigint, traceparent: string | undefined): Promise<void> {
    const reach = () => this.projector.reach(position);
    const { traces } = this.#options;
    return traces ? traces.wakeUp(traceparent, reach) : reach();
  }

  #rebuilt(): void {
    this.#options.logger.info({ domain: this.name }, "the projection was rebuilt; discarding cached data");
    this.service?.onRebuilt?.();
  }

  #context(): DomainContext {
    const { reads, sources, http, payloadBytesMax, feed, openRpcClient, metrics, logger } = this.#options;
    const isTakingHttp = sources.some(({ name }) => name === http.name);
    return {
      database: reads,
      isTakingHttp,
      submit: (message) => http.receive(message),
      settled: (position, signal) => this.watch.settled(position, signal),
      intake: (description) =>
        isTakingHttp
          ? intakeRoute(description, {
              payloadBytesMax,
              receive: (message) => http.receive(message),
              hasRoomFor: (bytes) => this.inbox.hasRoomForBytes(bytes),
            })
          : undefined,
      recordReveals: (request, positions, operator) =>
        insertReveals(reads, positions, readOperator(request, operator)),
      openRpcClient,
      announce: (event, items) => feed.publish(event, items),
      metrics: metrics.scope,
      logger,
    };
  }
}

/** Stopping loses nothing: uncommitted messages are not acknowledged. */
class Intake implements Part {
  readonly name: string;
  readonly domain: string;
  readonly sources: readonly Source[];
  readonly #inbox: Inbox;
  readonly #sink: Sink;
  /** On the monotonic clock. */
  #troubledAtMs = performance.now();
  #timer: NodeJS.Timeout | undefined;

  /** @param sink the inbox, with metrics and tracing. */
  constructor(domain: string, sources: readonly Source[], inbox: Inbox, sink: Sink) {
    this.name = `sources of ${domain}`;
    this.domain = domain;
    this.sources = sources;
    this.#inbox = inbox;
    this.#sink = sink;
  }

  /** Since the last disconnect or refusal. */
  get calmSeconds(): number {
    return (performance.now() - this.#troubledAtMs) / 1000;
  }

  start(): void {
    for (const source of this.sources) source.start(this.#sink);
    this.#look();
    this.#timer = setInterval(() => this.#look(), LOOK_MS).unref();
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all(this.sources.map((source) => source.stop()));
    await this.#inbox.drain(DRAIN_SECONDS);
    await Promise.all(this.sources.map((source) => source.close()));
  }

  /** Public, so without reasons: a driver's message names hosts and ports. */
  health(): string[] {
    return this.sources.flatMap(({ name, health, isPaused = false }) =>
      health.connected || isPaused ? [] : [`source ${name} is not connected`],
    );
  }

  /** Public, so without the operator's name and reason. */
  warnings(): string[] {
    return this.sources.flatMap(({ name, isPaused = false }) =>
      isPaused ? [`source ${name} is paused by an operator and receives no messages`] : [],
    );
  }

  /** @param pauses of all domains. */
  follow(pauses: readonly Readonly<{ domain: string; source: string }>[]): void {
    for (const source of this.sources) {
      source.setPaused?.(
        pauses.some((pause) => pause.domain === this.domain && pause.source === source.name),
      );
    }
  }

  #look(): void {
    const isCalm =
      this.sources.every(({ health }) => health.connected) &&
      this.#inbox.failure === undefined &&
      !this.#inbox.isRefusing;
    if (!isCalm) this.#troubledAtMs = performance.now();
  }
}

/** GET /outbox lists all. */
const REFUSALS_SHOWN = 10;
/** A refusal stays visible longer. */
const LOOK_MS = 1_000;

/** Brokers redeliver the rest. */
const DRAIN_SECONDS = 3;
