/**
 * One running domain: the way of its messages through this process, from the inbox to whoever waits for the outcome.
 *
 *   source ─▶ inbox ─ append, commit ─▶ acknowledge
 *                       └▶ handover ─▶ projector ─ project, commit ─▶ service.onProjected, watch, events
 *   wake-up job ───────────────────────▶ projector        └▶ outbox ─▶ relay ─▶ broker
 *
 * Faults stay inside: a failed append or batch is retried, and readiness says so for this domain alone.
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
  /** Connections of the flow, which must not wait for readers. */
  writes: Database;
  reads: Database;
  wakeups: Wakeups;
  /** This domain's share of the buffered bytes. */
  buffer: ByteShare;
  payloadBytesMax: number;
  /** What brings messages; `http` is one of them if messages are taken over HTTP. */
  sources: readonly Source[];
  http: HttpSource;
  /** Where the domain's events go; undefined if they wait in the outbox. */
  transport: Transport | undefined;
  feed: EventFeed;
  openRpcClient: OpenRpcClient;
  metrics: DomainMetrics;
  /** Undefined if nothing is traced. */
  traces: MessageTraces | undefined;
  logger: Logger;
}>;

export class DomainLine implements Part {
  /** The name of the domain. */
  readonly name: string;
  readonly domain: string;
  readonly module: AnyDomain;
  readonly watch: CheckpointWatch;
  readonly projector: Projector;
  readonly inbox: Inbox;
  /** Undefined if the domain's events wait in the outbox. */
  readonly relay: OutboxRelay | undefined;
  /** The other end of the line, to be started last and stopped first. */
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
      onProjected: (batch, seconds) => this.#projected(batch, seconds),
    });
    this.relay =
      transport &&
      new OutboxRelay({
        database: writes,
        domain: module.name,
        transport,
        logger,
        onSent: (events, seconds) => metrics.sent(events, seconds),
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

  /** Opens what answers people, before anything is started. */
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
    // An earlier process may have left work behind, even without its job: read on from the checkpoint.
    await untilItSucceeds(logger, signal, waiting, async () =>
      wakeups.enqueue(writes, this.name, await selectHead(reads, this.name)),
    );
    this.relay?.start();
  }

  /** Fills the domain's memory from its tables; retried until it succeeds. @throws when the signal aborts. */
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

  /**
   * What waits although the domain is ready, in words that may be public. Events that are not sent are safe in the
   * outbox: the domain takes messages in and answers, and a restart or another process would not help.
   */
  warnings(): string[] {
    const { relay } = this;
    if (!relay) return [];
    const refused = relay.refusals.filter(({ state }) => state === "blocked");
    return [
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

  /** What the inbox of the domain begins with, unless an earlier start has appended it. */
  async #appendFirstMessages(): Promise<void> {
    const messages = firstMessagesOf(this.module);
    if (messages.length === 0) return;
    const positions = await selectPositions(this.#options.reads, messages);
    if (positions.every((position) => position !== null)) return;
    const begun = performance.now();
    const appended = await this.#append(messages);
    this.#appended(messages, appended, (performance.now() - begun) / 1000);
  }

  /** Appends a batch and its wake-up job in one transaction. */
  #append(messages: readonly Message[]): Promise<Appended> {
    const { writes, wakeups, traces } = this.#options;
    const appendAll = () =>
      append(writes, this.name, messages, (transaction, domain, upTo) =>
        wakeups.enqueue(transaction, domain, upTo, traces?.traceparentOfJob()),
      );
    return traces ? traces.append(messages, appendAll) : appendAll();
  }

  /** A batch is committed and still in memory: hand it to the projector, which need not read it back. */
  #appended(messages: readonly Message[], appended: Appended, seconds: number): void {
    this.#options.metrics.appended(messages, appended.receipts, seconds);
    this.projector.handover.put(messages, appended);
    if (appended.upTo !== undefined) this.projector.wake(appended.upTo);
  }

  /** A batch is projected and committed: make it visible. */
  #projected(batch: ProjectedBatch, seconds: number): void {
    const { metrics, feed } = this.#options;
    // The loop of projections may have been set in motion within a call.
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
    this.#options.logger.info({ domain: this.name }, "the projection was rebuilt; cached data is dropped");
    this.service?.onRebuilt?.();
  }

  #context(): DomainContext {
    const { reads, sources, http, payloadBytesMax, feed, openRpcClient, metrics, logger } = this.#options;
    return {
      database: reads,
      isTakingHttp: sources.includes(http),
      submit: (message) => http.receive(message),
      settled: (position, signal) => this.watch.settled(position, signal),
      intake: (description) =>
        sources.includes(http)
          ? intakeRoute(description, {
              payloadBytesMax,
              receive: (message) => http.receive(message),
              hasRoomFor: (bytes) => this.inbox.hasRoomForBytes(bytes),
            })
          : undefined,
      recordReveals: (positions, operator) => insertReveals(reads, positions, readOperator(operator)),
      openRpcClient,
      announce: (event, items) => feed.publish(event, items),
      metrics: metrics.scope,
      logger,
    };
  }
}

/** What brings the messages of one domain. Stopping it loses nothing: what was not committed is not acknowledged. */
class Intake implements Part {
  readonly name: string;
  readonly domain: string;
  readonly sources: readonly Source[];
  readonly #inbox: Inbox;
  readonly #sink: Sink;
  /** When messages could last not come, or were refused; on the monotonic clock. */
  #troubledAtMs = performance.now();
  #timer: NodeJS.Timeout | undefined;

  /** @param sink where the sources put their messages: the inbox, watched. */
  constructor(domain: string, sources: readonly Source[], inbox: Inbox, sink: Sink) {
    this.name = `sources of ${domain}`;
    this.domain = domain;
    this.sources = sources;
    this.#inbox = inbox;
    this.#sink = sink;
  }

  /** For how long messages have been coming in without trouble. A broker redelivers what came to grief before. */
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

  /** The log says why a source is not connected: this is public, and a driver's text names hosts and ports. */
  health(): string[] {
    return this.sources.flatMap(({ name, health }) =>
      health.connected ? [] : [`source ${name} is not connected`],
    );
  }

  #look(): void {
    const isCalm =
      this.sources.every(({ health }) => health.connected) &&
      this.#inbox.failure === undefined &&
      !this.#inbox.isRefusing;
    if (!isCalm) this.#troubledAtMs = performance.now();
  }
}

/** Of refused events; GET /outbox lists all. */
const REFUSALS_SHOWN = 10;
/** A refusal is seen for some seconds, and trouble that is over within one delays no message by much. */
const LOOK_MS = 1_000;

/** How long buffered messages may take to be appended at a stop; the rest is redelivered by the broker. */
const DRAIN_SECONDS = 3;
