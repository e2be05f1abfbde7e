/**
 * The inbox of one domain in this process. Messages enter from the sources, are appended in groups, and each
 * source is told when its message is committed. Group commit: whatever arrived while the last append was in
 * flight is the next append, so there is no timer, little delay when it is quiet and large batches under load.
 * While the database is away nothing is acknowledged and the same batch is tried for as long as it takes; what is
 * held is bounded in bytes, and a message that finds no room is refused and comes again from its broker.
 */
import { setTimeout as delay } from "node:timers/promises";
import { MESSAGE_OVERHEAD_BYTES } from "../config/config.ts";
import { failpoint } from "../config/failpoint.ts";
import type { Message, Receipt } from "../contract/message.ts";
import type { Sink } from "../contract/source.ts";
import { backoffMilliseconds } from "../database/backoff.ts";
import type { Logger } from "../telemetry/logger.ts";
import type { Appended } from "./append.ts";
import type { ByteShare } from "./byte-budget.ts";
import { RefusalLog } from "./refusal-log.ts";

export type InboxOptions = Readonly<{
  /** Commits a batch, or throws and may be called again with the same one. */
  append: (messages: readonly Message[]) => Promise<Appended>;
  /** Resolves when the projector has room for the next append; soon in any case. */
  waitForTurn: () => Promise<void>;
  /** Told of each batch right after its commit, while it is still in memory. */
  onAppended: (messages: readonly Message[], appended: Appended, seconds: number) => void;
  /** Told of each append that failed. */
  onFailed?: () => void;
  /** This inbox's share of the bytes that the process may buffer. */
  buffer: ByteShare;
  logger: Logger;
}>;

/** A buffered message; `ofChannel` are all buffered messages of its source and channel, by their ids. */
type Held = { message: Message; committed: (receipt: Receipt) => void; ofChannel: Map<string, Held> };

export class Inbox implements Sink {
  readonly #options: InboxOptions;
  /** All buffered messages, by source, channel and id. */
  readonly #held = new Map<string, Map<string, Map<string, Held>>>();
  /** What is held and not in flight, in its order. */
  #waiting: Held[] = [];
  readonly #stop = new AbortController();
  readonly #refusals: RefusalLog;
  #running: Promise<void> | undefined;
  #failure: string | undefined;

  constructor(options: InboxOptions) {
    this.#options = options;
    this.#refusals = new RefusalLog({
      hasRoom: () => this.hasRoomForBytes(0),
      failure: () => this.#failure,
      logger: options.logger,
    });
  }

  /** Bytes held that are not committed yet, the bookkeeping of each message included. */
  get bufferBytes(): number {
    return this.#options.buffer.heldBytes;
  }

  /** Why the last append failed, while no later one has succeeded. */
  get failure(): string | undefined {
    return this.#failure;
  }

  /** Whether messages are, or were some seconds ago, refused for lack of room. */
  get isRefusing(): boolean {
    return this.#refusals.isRefusing;
  }

  offer(message: Message, committed: (receipt: Receipt) => void): boolean {
    const ofChannel = this.#heldByChannel(message);
    const held = ofChannel.get(message.messageId);
    if (held) {
      held.committed = committed;
      return true;
    }
    if (this.#stop.signal.aborted) return false;
    if (!this.hasRoomFor(message)) {
      this.#refusals.refused(message);
      return false;
    }
    this.#options.buffer.take(bytesOf(message));
    const taken = { message, committed, ofChannel };
    ofChannel.set(message.messageId, taken);
    this.#waiting.push(taken);
    this.#running ??= this.#run();
    return true;
  }

  /** A single message always has room: one that is larger than the buffer would come again for ever. */
  hasRoomFor(message: Message): boolean {
    return this.bufferBytes === 0 || this.hasRoomForBytes(sizeOf(message));
  }

  hasRoomForBytes(bytes: number): boolean {
    return this.#options.buffer.hasRoom(bytes + MESSAGE_OVERHEAD_BYTES);
  }

  /**
   * Appends what is held and takes nothing more. Gives up where the database stays away for `seconds`: what was
   * not committed was not acknowledged either, and comes again.
   */
  async drain(seconds: number): Promise<void> {
    const late = Promise.withResolvers<void>();
    const timer = setTimeout(late.resolve, seconds * 1000);
    // Not only the next attempt is given up: an append may hang in a database that does not answer.
    await Promise.race([this.#running, late.promise]);
    clearTimeout(timer);
    this.#stop.abort();
    this.#refusals.close();
  }

  async #run(): Promise<void> {
    // One turn of the event loop, so that what a single read from the socket brought makes one batch.
    await nextTurn();
    let settled = Promise.resolve();
    while (this.#waiting.length > 0 && !this.#stop.signal.aborted) {
      await this.#options.waitForTurn();
      const batch = this.#takeBatch();
      const messages = batch.map(({ message }) => message);
      const begun = performance.now();
      const appended = await this.#appendWithRetry(messages);
      if (!appended) break;
      const seconds = (performance.now() - begun) / 1000;
      // In the next turn: the next append is on its way to the database before this one is acknowledged.
      settled = nextTurn().then(() => this.#settle(batch, messages, appended, seconds));
    }
    await settled;
    this.#running = undefined;
    // What arrived while the last batch was being settled.
    if (this.#waiting.length > 0 && !this.#stop.signal.aborted) this.#running = this.#run();
  }

  #takeBatch(): Held[] {
    let count = 0;
    let bytes = 0;
    for (const { message } of this.#waiting) {
      bytes += sizeOf(message);
      if (count === BATCH_MESSAGES_MAX || (bytes > BATCH_BYTES_MAX && count > 0)) break;
      count++;
    }
    return this.#waiting.splice(0, count);
  }

  #heldByChannel({ source, channel }: Message): Map<string, Held> {
    const known = this.#held.get(source)?.get(channel);
    if (known) return known;
    const ofChannel = new Map<string, Held>();
    this.#held.set(source, (this.#held.get(source) ?? new Map()).set(channel, ofChannel));
    return ofChannel;
  }

  async #appendWithRetry(messages: readonly Message[]): Promise<Appended | undefined> {
    for (let attempt = 0; ; attempt++) {
      try {
        const appended = await this.#options.append(messages);
        this.#failure = undefined;
        return appended;
      } catch (error) {
        this.#failure = error instanceof Error ? error.message : String(error);
        this.#options.onFailed?.();
        const context = { attempt, messages: messages.length, error: this.#failure };
        this.#options.logger.warn(context, "an append failed; nothing was acknowledged; it is tried again");
      }
      if (this.#stop.signal.aborted) return undefined;
      await delay(backoffMilliseconds(attempt), undefined, { signal: this.#stop.signal }).catch(() => {});
      if (this.#stop.signal.aborted) return undefined;
    }
  }

  #settle(batch: readonly Held[], messages: readonly Message[], appended: Appended, seconds: number): void {
    failpoint("commit-before-ack");
    this.#options.onAppended(messages, appended, seconds);
    for (const [index, held] of batch.entries()) {
      this.#options.buffer.give(bytesOf(held.message));
      held.ofChannel.delete(held.message.messageId);
      // A source whose connection has just gone must not keep the others from their acknowledgement.
      try {
        held.committed(appended.receipts[index] as Receipt);
      } catch (error) {
        this.#options.logger.debug({ error: String(error) }, "an acknowledgement could not be sent");
      }
    }
  }
}

const nextTurn = () => new Promise<void>((resolve) => setImmediate(resolve));
const sizeOf = ({ payload, headers }: Message): number => payload.length + (headers?.length ?? 0);
const bytesOf = (message: Message): number => sizeOf(message) + MESSAGE_OVERHEAD_BYTES;

/** Spreads the fixed cost of a transaction and its job; above this the time to the acknowledgement only grows. */
const BATCH_MESSAGES_MAX = 4_000;

/** Keeps an append of large messages far below the broker's AckWait. */
const BATCH_BYTES_MAX = 8 * 1024 * 1024;
