/**
 * The contract of a source, which takes messages from one broker or ingress and offers each to the inbox. It
 * acknowledges a message in `committed` only, so never before the commit.
 */
import type { Message, Receipt } from "./message.ts";

export interface Source {
  readonly name: string;
  /** The channel, topic or route. */
  readonly channel: string;
  /** Whether messages can arrive right now, and if not, why. */
  readonly health: Health;
  /** Messages that wait at the broker; undefined if the broker does not tell. */
  readonly lag?: number | undefined;
  /** Returns at once; an unavailable broker is retried until `stop`. */
  start(inbox: Sink): void;
  /** Takes no more messages. Earlier ones can still be acknowledged until `close`. */
  stop(): Promise<void>;
  /** Disconnects. A durable subscription stays. */
  close(): Promise<void>;
}

export type Health = Readonly<{ connected: boolean; reason?: string }>;

/** Numbered messages that a broker removed before it delivered them. */
export type SourceGap = Readonly<{
  source: string;
  channel: string;
  /** The number series, if a channel has several; for Kafka the topic's id and the partition. */
  series: string;
  /** The first and last removed number. */
  from: bigint;
  to: bigint;
}>;

/** The inbox as a source sees it. */
export interface Sink {
  /** Why the last append failed; undefined if it succeeded. */
  readonly failure: string | undefined;
  /**
   * Offers a message; `committed` is called once its row is committed, and never otherwise. A second offer of a
   * buffered message replaces the callback: the newest copy is the one to acknowledge.
   * @returns false if there is no room; the broker has to redeliver the message.
   */
  offer(message: Message, committed: (receipt: Receipt) => void): boolean;
  /** Whether `offer` would accept the message now. */
  hasRoomFor(message: Message): boolean;
}
