/**
 * Sends the events of one domain from the outbox to a broker, in order, for as long as the process runs.
 *
 *   outbox ─▶ take the turn ─▶ open a session, if the turn is new ─▶ read a batch ─▶ send it, wait for all of it
 *          ─▶ in one transaction: move the checkpoint, remove what was sent
 *
 * Of all processes that run the domain one has the turn. A crash between sending and the checkpoint sends the batch again,
 * with the same `message-id`s; nothing else does. A fault of the broker or the database is retried for as long as it
 * takes. An event that the broker refuses for good blocks its key alone.
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
  /** Told of each batch that the broker has stored. */
  onSent?: (events: readonly WaitingEvent[], seconds: number) => void;
  /** Milliseconds until the next attempt, by the number of failures before it. */
  backoff?: (failures: number) => number;
  /** How long another process waits before it takes over. */
  turnSeconds?: number;
}>;

/** One round of work: what is sent, and what is written when it was sent. */
type Batch = Readonly<{
  events: readonly WaitingEvent[];
  /** The checkpoint after the batch. */
  checkpoint: Place;
  /** Whether nothing is left to do, as far as the relay knows. */
  isLast: boolean;
  /** Removes what was sent. */
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
  /** The turn after a batch behind which there is more: the checkpoint was moved with it. */
  #turn: Turn | undefined;
  /** How many events the next batch may have: fewer while the broker refuses one of them. */
  #eventsMax = BATCH_EVENTS_MAX;
  /** In a row. */
  #failures = 0;
  #refusals: readonly Refusal[] = [];
  #woken = Promise.withResolvers<void>();

  constructor(options: RelayOptions) {
    this.#options = options;
    this.#turnSeconds = options.turnSeconds ?? TURN_SECONDS;
    this.domain = options.domain;
  }

  /** Whether the last batch failed and no later one has succeeded. */
  get isFailing(): boolean {
    return this.#failures > 0;
  }

  /** Refused events, by the last look. */
  get refusals(): readonly Refusal[] {
    return this.#refusals;
  }

  start(): void {
    this.#running = this.#run();
  }

  /** There may be events: a batch with some was committed, or an operator released one. */
  wake(): void {
    this.#woken.resolve();
  }

  /** Finishes the batch in flight, if the broker answers soon, and lets another process go on at once. */
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

  /** Relays one batch. @returns false if there is nothing to do, or another process does it. */
  async #relayNext(): Promise<boolean> {
    const { database } = this.#options;
    this.#refusals = await selectRefusals(database, [this.domain]);
    const turn = this.#turn ?? (await this.#takeTurn());
    this.#turn = undefined;
    if (!turn) return false;
    // The session first: what an earlier relay still sends cannot come behind what is read from here on.
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

  /** What waits of a released key comes first: until it was sent, later events of the key are held back. */
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
      // Rolls back. The batch is sent again by the other relay.
      if (!isMine) throw new Error("another relay has taken over while this one was sending");
      await finish(transaction);
    });
  }

  /** Finds the refused event by halves, and blocks its key. */
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

  /** Nothing was lost: what was not acknowledged is still in the outbox. */
  async #fail(error: unknown): Promise<void> {
    const { database, logger, backoff = backoffMilliseconds } = this.#options;
    this.#failures += 1;
    logger[this.#failures === 1 ? "warn" : "debug"](
      { domain: this.domain, failures: this.#failures, error: describeError(error) },
      "the outbox is not relayed; retrying",
    );
    await this.#endSession();
    // Another process may reach the broker although this one does not.
    if (this.#epoch !== undefined) await endTurn(database, this.domain, this.#epoch).catch(() => {});
    await this.#pause(backoff(this.#failures - 1));
  }

  async #endSession(): Promise<void> {
    const session = this.#session;
    this.#session = undefined;
    await session?.[Symbol.asyncDispose]();
  }

  /** Ends early when the relay stops, or is woken. */
  async #pause(milliseconds: number, woken: Promise<void> = new Promise(() => {})): Promise<void> {
    const over = new AbortController();
    const signal = AbortSignal.any([this.#stop.signal, over.signal]);
    await Promise.race([delay(milliseconds, undefined, { signal }).catch(() => {}), woken]);
    over.abort();
  }
}

/** One request of this size costs a broker little more than a small one. */
const BATCH_EVENTS_MAX = 1_000;
/** Slow, because a topic may have a narrow limit for all records of a batch together: then every step back costs a session. */
const BATCH_GROWTH = 1.25;
/**
 * Brokers limit the bytes of a batch, 1 MiB by default, and all events of a batch may be for one partition. The rest is
 * for what a record carries around its payload.
 */
const BATCH_BYTES_MAX = 512 * 1024;
/** What another process projects is found within this time if that process does not relay it itself. */
const POLL_MS = 1_000;
/** A batch takes a part of it; a broker that does not answer by then is not waited for. */
const STOP_MS = 2_000;
/** Longer than a batch may take to be sent; after it, another process takes over from one that was paused or killed. */
const TURN_SECONDS = 10;
