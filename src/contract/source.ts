/**
 * The contract of a source. A source takes messages from one broker or ingress and offers each to the inbox; it
 * acknowledges a message in `committed` and nowhere else, so an acknowledgement can never come before the commit.
 */
import type { Message, Receipt } from "./message.ts";

export interface Source {
  readonly name: string;
  /** The channel, topic or route that it takes messages from. */
  readonly channel: string;
  /** Whether messages can arrive right now, and if not, why. */
  readonly health: Health;
  /** Messages waiting at the broker for this process; undefined if the broker does not say. */
  readonly lag?: number | undefined;
  /** Begins to take messages. Returns at once; an unavailable broker is retried until `stop`. */
  start(inbox: Sink): void;
  /** Takes no more messages. Messages offered before can still be acknowledged until `close`. */
  stop(): Promise<void>;
  /** Disconnects from the broker. A durable subscription stays. */
  close(): Promise<void>;
}

export type Health = Readonly<{ connected: boolean; reason?: string }>;

/** Messages that a broker numbered and threw away before they were delivered. */
export type SourceGap = Readonly<{
  source: string;
  channel: string;
  /** The series of numbers, if a channel has several; for Kafka the topic's id and the partition. */
  series: string;
  /** The first and the last number that are gone. */
  from: bigint;
  to: bigint;
}>;

/** The inbox as a source sees it. */
export interface Sink {
  /** Why the last append failed; undefined if it succeeded. */
  readonly failure: string | undefined;
  /**
   * Offers a message; `committed` is called once its row is committed, and never otherwise. A second offer of a
   * message that is still buffered replaces the first one's callback: the newest copy is the one to acknowledge.
   * @returns false if there is no room; the message was not taken and its broker has to redeliver it.
   */
  offer(message: Message, committed: (receipt: Receipt) => void): boolean;
  /** Whether the message would be taken now; for sources that can keep a message waiting. */
  hasRoomFor(message: Message): boolean;
}
