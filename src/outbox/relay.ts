/**
 * Relays the events of one domain from the outbox to a broker, in order.
 *
 *   outbox ─▶ take the turn ─▶ open a session, if the turn is new ─▶ read a batch ─▶ send it, wait for all of it
 *          ─▶ in one transaction: move the checkpoint, remove the sent events
 *
 * One process of those that run the domain has the turn. Only a crash between sending and the checkpoint repeats a batch,
 * with the same `message-id`s. Faults of the broker or the database are retried without limit. An event that the broker
 * permanently refuses blocks only its key.
 */
import { setTimeout as delay } from "node:timers/promises";
import { failpoint } from "../config/failpoint.ts";
import { describeError } from "../contract/describe-error.ts";
import { backoffMilliseconds } from "../database/backoff.ts";
import type { Database } from "../database/database.ts";
import type { Logger } from "../telemetry/logger.ts";
import {
  endTurn,
  moveCheckpoint,
  type Place,
  selectHasWork,
  type Turn,
  takeTurn,
} from "./outbox-checkpoints-table.ts";
import {
  deleteRefusal,
  insertRefusal,
  REFUSALS_MAX,
  type Refusal,
  selectRefusals,
} from "./outbox-refusals-table.ts";
import { deleteHeld, deleteSent, selectHeld, selectNext, type WaitingEvent } from "./outbox-table.ts";
import { RefusedError, type Transport, type TransportSession } from "./transport.ts";

export type RelayOptions = Readonly<{
  database: Database;
  domain: string;
  transport: Transport;
  logger: Logger;
  onSent?: (events: readonly WaitingEvent[], seconds: number) => void;
  backoff?: (failures: number) => number;
  /** Lease after which another process may take over. */
  turnSeconds?: number;
}>;

type Batch = Readonly<{
  events: readonly WaitingEvent[];
  checkpoint: Place;
  /** Whether the outbox is drained. */
  isLast: boolean;
  finish: (transaction: Parameters<typeof deleteSent>[0]) => Promise<void>;
}>;

export class OutboxRelay {
  readonly domain: string;
  readonly #options: RelayOptions;
  readonly #turnSeconds: number;
  readonly #stop = new AbortController();
  #running: Promise<void> = Promise.resolve();
  #session: TransportSession | undefined;
  #epoch: bigint | undefined;
  /** Kept between batches until the outbox is drained. */
  #turn: Turn | undefined;
  /** Reduced while the broker refuses an event. */
  #eventsMax = BATCH_EVENTS_MAX;
  #failures = 0;
  #refusals: readonly Refusal[] = [];
  #woken = Promise.withResolvers<void>();

  constructor(options: RelayOptions) {
    this.#options = options;
    this.#turnSeconds = options.turnSeconds ?? TURN_SECONDS;
    this.domain = options.domain;
  }

  get isFailing(): boolean {
    return this.#failures > 0;
  }

  get refusals(): readonly Refusal[] {
    return this.#refusals;
  }

  start(): void {
    this.#running = this.#run();
  }

  wake(): void {
    this.#woken.resolve();
  }

  /** Completes the batch in flight if the broker answers in time. */
  async stop(): Promise<void> {
    this.#stop.abort();
    const isOver = (milliseconds: number) => Promise.race([this.#running, delay(milliseconds)]);
    await isOver(STOP_MS);
    await this.#endSession();
    await isOver(STOP_MS);
    if (this.#epoch !== undefined) {
      await endTurn(this.#options.database, this.domain, this.#epoch).catch(() => {});
    }
    await this.#options.transport[Symbol.asyncDispose]();
  }

  async #run(): Promise<void> {
    const { logger } = this.#options;
    while (!this.#stop.signal.aborted) {
      this.#woken = Promise.withResolvers();
      try {
        const isMore = await this.#relayNext();
        if (this.#failures > 0) logger.info({ domain: this.domain }, "the outbox is relayed again");
        this.#failures = 0;
        if (!isMore) await this.#pause(POLL_MS, this.#woken.promise);
      } catch (error) {
        await this.#fail(error);
      }
    }
  }

  /** @returns false if there is nothing to do, or another process has the turn. */
  async #relayNext(): Promise<boolean> {
    const { database } = this.#options;
    this.#refusals = await selectRefusals(database, [this.domain]);
    const turn = this.#turn ?? (await this.#takeTurn());
    this.#turn = undefined;
    if (!turn) return false;
    // Before reading: the session fences an earlier relay that may still be sending.
    const session = await this.#sessionOf(turn.epoch);
    const batch = await this.#read(turn);
    try {
      await this.#send(session, batch.events);
    } catch (error) {
      if (!(error instanceof RefusedError)) throw error;
      await this.#endSession();
      await this.#refuse(turn, error);
      return true;
    }
    failpoint("relay-before-checkpoint");
    await this.#finish(turn, batch);
    if (!batch.isLast) this.#turn = { ...batch.checkpoint, epoch: turn.epoch };
    this.#eventsMax = Math.min(BATCH_EVENTS_MAX, Math.ceil(this.#eventsMax * BATCH_GROWTH));
    return true;
  }

  async #takeTurn(): Promise<Turn | undefined> {
    const { database } = this.#options;
    if (!(await selectHasWork(database, this.domain))) return undefined;
    return takeTurn(database, this.domain, this.#epoch, this.#turnSeconds);
  }

  async #sessionOf(epoch: bigint): Promise<TransportSession> {
    if (epoch !== this.#epoch) await this.#endSession();
    this.#epoch = epoch;
    this.#session ??= await this.#options.transport.open();
    return this.#session;
  }

  /** Held events of a released key come first, to keep the key's order. */
  #read(turn: Turn): Promise<Batch> {
    const { domain } = this;
    const released = this.#refusals.find(({ state }) => state === "released");
    return this.#options.database.transaction(async (transaction): Promise<Batch> => {
      if (released) {
        const events = await selectHeld(
          transaction,
          domain,
          turn,
          released,
          this.#eventsMax,
          BATCH_BYTES_MAX,
        );
        const last = events.at(-1);
        return {
          events,
          checkpoint: turn,
          isLast: false,
          finish: (writing) =>
            last ? deleteHeld(writing, domain, last, released) : deleteRefusal(writing, domain, released),
        };
      }
      const held = this.#refusals;
      const next = await selectNext(transaction, domain, turn, held, this.#eventsMax, BATCH_BYTES_MAX);
      const { events, last = turn } = next;
      return {
        events,
        checkpoint: last,
        isLast: events.length < this.#eventsMax,
        finish: (writing) => deleteSent(writing, domain, turn, last, held),
      };
    });
  }

  async #send(session: TransportSession, events: readonly WaitingEvent[]): Promise<void> {
    if (events.length === 0) return;
    const begun = performance.now();
    await session.send(this.domain, events);
    this.#options.onSent?.(events, (performance.now() - begun) / 1000);
  }

  async #finish(turn: Turn, { checkpoint, isLast, finish }: Batch): Promise<void> {
    const { database } = this.#options;
    const seconds = isLast ? undefined : this.#turnSeconds;
    await database.transaction(async (transaction) => {
      const isMine = await moveCheckpoint(transaction, this.domain, turn.epoch, checkpoint, seconds);
      if (!isMine) throw new Error("another relay has taken over while this one was sending");
      await finish(transaction);
    });
  }

  /** Halves the batch until one event is isolated, then blocks its key. */
  async #refuse(turn: Turn, { reason, suspects }: RefusedError): Promise<void> {
    const { database, logger } = this.#options;
    const [refused] = suspects;
    if (!refused || suspects.length > 1) {
      this.#eventsMax = Math.max(1, this.#eventsMax >> 1);
      return;
    }
    if (this.#refusals.length >= REFUSALS_MAX)
      throw new Error(`${REFUSALS_MAX} keys are blocked (${reason})`);
    const { position, ordinal } = refused;
    await database.transaction(async (transaction) => {
      const isMine = await moveCheckpoint(transaction, this.domain, turn.epoch, turn, this.#turnSeconds);
      if (isMine) await insertRefusal(transaction, this.domain, refused, reason);
    });
    logger.error(
      { domain: this.domain, position: String(position), ordinal, topic: refused.topic, reason },
      "the broker refuses an event; it blocks the events of its key until an operator releases or discards it",
    );
  }

  async #fail(error: unknown): Promise<void> {
    const { database, logger, backoff = backoffMilliseconds } = this.#options;
    this.#failures += 1;
    logger[this.#failures === 1 ? "warn" : "debug"](
      { domain: this.domain, failures: this.#failures, error: describeError(error) },
      "the outbox is not relayed; retrying",
    );
    await this.#endSession();
    if (this.#epoch !== undefined) await endTurn(database, this.domain, this.#epoch).catch(() => {});
    await this.#pause(backoff(this.#failures - 1));
  }

  async #endSession(): Promise<void> {
    const session = this.#session;
    this.#session = undefined;
    await session?.[Symbol.asyncDispose]();
  }

  async #pause(milliseconds: number, woken: Promise<void> = new Promise(() => {})): Promise<void> {
    const over = new AbortController();
    const signal = AbortSignal.any([this.#stop.signal, over.signal]);
    await Promise.race([delay(milliseconds, undefined, { signal }).catch(() => {}), woken]);
    over.abort();
  }
}

/** Costs a broker little more than a small request. */
const BATCH_EVENTS_MAX = 1_000;
/** Slow: if the topic limits whole batches, each refusal costs a session. */
const BATCH_GROWTH = 1.25;
/** Half of a broker's default limit per partition and batch; the rest is for keys, headers and framing. */
const BATCH_BYTES_MAX = 512 * 1024;
/** Finds events of other processes that do not relay them. */
const POLL_MS = 1_000;
/** Longer than a batch normally takes. */
const STOP_MS = 2_000;
/** Longer than sending a batch may take (transport-kafka's SEND_TIMEOUT_MS). */
const TURN_SECONDS = 10;
