/**
 * A source takes messages from one broker or ingress and offers each to the inbox. It acknowledges a message in
 * `committed` only, so never before the commit.
 */
import type { Message, Receipt } from "./message.ts";

export interface Source {
  readonly name: string;
  /** The channel, topic or route. */
  readonly channel: string;
  readonly health: Health;
  /** Messages that wait at the broker; undefined if unknown. */
  readonly lag?: number | undefined;
  /** Whether an operator paused it; undefined if that is not possible. */
  readonly isPaused?: boolean;
  /** Called before `start` and `stop`, so that a source can tell senders why it refuses. */
  setPaused?(isPaused: boolean): void;
  /**
   * Reads skipped messages again, as far as the broker still has them.
   * @returns how many of them were new to the inbox; undefined if this source never skips any, or is paused.
   * @throws if the range was not read to its end.
   */
  readSkipped?(range: SkippedRange): Promise<number> | undefined;
  /** Returns at once; an unavailable broker is retried until `stop`. */
  start(inbox: Sink): void;
  /** Earlier messages can still be acknowledged until `close`. */
  stop(): Promise<void>;
  /** Keeps a durable subscription. */
  close(): Promise<void>;
}

export type Health = Readonly<{ connected: boolean; reason?: string }>;

/** Numbered messages that a broker removed before it delivered them. */
export type SourceGap = Readonly<{
  source: string;
  channel: string;
  /** If a channel has several; for Kafka the topic's id and the partition. */
  series: string;
  /** The first and last removed number. */
  from: bigint;
  to: bigint;
}>;

/** Numbered messages that a broker counts as acknowledged, but that are not in the inbox. */
export type SkippedRange = Readonly<{
  from: bigint;
  to: bigint;
  /** The broker's times around the range, in nanoseconds: a wiped store numbers from 1 again. */
  since: bigint;
  until: bigint;
}>;

export interface Sink {
  /** Undefined if the last append succeeded. */
  readonly failure: string | undefined;
  /**
   * Calls `committed` once the row is committed, and never otherwise. A second offer of a buffered message replaces the
   * callback: the newest copy is the one to acknowledge.
   * @returns false if there is no room; the broker has to redeliver the message.
   */
  offer(message: Message, committed: (receipt: Receipt) => void): boolean;
  hasRoomFor(message: Message): boolean;
  /** Resolves when no message of the source is buffered, or after `seconds`. */
  settled(source: string, seconds: number): Promise<void>;
}
