/**
 * The inbox of one domain in this process: messages enter from the sources and are appended in groups; each source
 * learns when its message is committed. Messages that arrive during an append form the next one, so there is no timer:
 * little delay under low load, large batches under high load. While the database is unavailable nothing is acknowledged
 * and the batch is retried. Buffered bytes are bounded; a refused message is redelivered by its broker.
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
  /** May be retried with the same batch. */
  append: (messages: readonly Message[]) => Promise<Appended>;
  /** Resolves when the projector has room, or after a short delay. */
  waitForTurn: () => Promise<void>;
  /** Called after the commit, while the batch is in memory. */
  onAppended: (messages: readonly Message[], appended: Appended, seconds: number) => void;
  onFailed?: () => void;
  buffer: ByteShare;
  logger: Logger;
}>;

/** `ofChannel` has all buffered messages of the source and channel, by id. */
type Held = { message: Message; committed: (receipt: Receipt) => void; ofChannel: Map<string, Held> };

export class Inbox implements Sink {
  readonly #options: InboxOptions;
  /** By source, channel and id. */
  readonly #held = new Map<string, Map<string, Map<string, Held>>>();
  /** Buffered messages that are not in flight. */
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

  /** With the overhead of each message. */
  get bufferBytes(): number {
    return this.#options.buffer.heldBytes;
  }

  /** Undefined after a success. */
  get failure(): string | undefined {
    return this.#failure;
  }

  /** Whether messages were refused for lack of room in the last seconds. */
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

  /** An empty buffer accepts any message: one larger than the buffer would be redelivered forever. */
  hasRoomFor(message: Message): boolean {
    return this.bufferBytes === 0 || this.hasRoomForBytes(sizeOf(message));
  }

  hasRoomForBytes(bytes: number): boolean {
    return this.#options.buffer.hasRoom(bytes + MESSAGE_OVERHEAD_BYTES);
  }

  async settled(source: string, seconds: number): Promise<void> {
    const isBuffered = () => [...(this.#held.get(source)?.values() ?? [])].some(({ size }) => size > 0);
    const untilMs = performance.now() + seconds * 1000;
    while (isBuffered() && performance.now() < untilMs && !this.#stop.signal.aborted)
      await delay(SETTLE_POLL_MS);
  }

  /** Appends the buffered messages and accepts no more. After `seconds` it gives up; brokers redeliver the rest. */
  async drain(seconds: number): Promise<void> {
    const late = Promise.withResolvers<void>();
    const timer = setTimeout(late.resolve, seconds * 1000);
    // The running append can hang on an unresponsive database.
    await Promise.race([this.#running, late.promise]);
    clearTimeout(timer);
    this.#stop.abort();
    this.#refusals.close();
  }

  async #run(): Promise<void> {
    // The messages of a single socket read form one batch.
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
      // In the next turn, when the next append is already in flight.
      settled = nextTurn().then(() => this.#settle(batch, messages, appended, seconds));
    }
    await settled;
    this.#running = undefined;
    // Messages arrived while the last batch was acknowledged.
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
        this.#options.logger.warn(context, "an append failed; nothing was acknowledged; retrying");
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
      // A failing source must not keep others from their acknowledgements.
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

/** Larger batches only delay acknowledgements. */
const BATCH_MESSAGES_MAX = 4_000;

/** A fraction of an append. */
const SETTLE_POLL_MS = 10;

/** Keeps an append of large messages far below the broker's AckWait. */
const BATCH_BYTES_MAX = 8 * 1024 * 1024;
