/**
 * The contract of a source. A source takes messages from one broker or ingress and offers each to the inbox; it
 * acknowledges a message in `committed` and nowhere else, so an acknowledgement can never come before the commit.
 */
import type { Message, Receipt } from "./message.ts";

export interface Source {
  readonly name: string;
  /** Where it takes messages from: a channel, a topic, a route. */
  readonly channel: string;
  /** Whether messages can arrive right now, and if not, why. */
  readonly health: { connected: boolean; reason?: string };
  /** How many messages wait at the broker, of those that this process would get; undefined where it does not say. */
  readonly lag?: number | undefined;
  /** Begins to take messages. Returns at once; a broker that is away is tried for ever. */
  start(inbox: Sink): void;
  /** Takes nothing more. What was offered before can still be acknowledged until `close`. */
  stop(): Promise<void>;
  /** Lets go of the broker. A durable subscription stays. */
  close(): Promise<void>;
}

/** Messages that a broker numbered and threw away before they were delivered. */
export type SourceGap = Readonly<{
  source: string;
  channel: string;
  /** Whose numbers these are, where a channel has several series of them; of Kafka, the topic's id and the partition. */
  series: string;
  /** The first and the last number that are gone. */
  from: bigint;
  to: bigint;
}>;

/** Where a source puts its messages. */
export interface Sink {
  /** Why nothing can be committed at the moment; undefined while all is well. */
  readonly failure: string | undefined;
  /**
   * Offers a message; `committed` is called once it is in the inbox for ever, and never otherwise. A second offer
   * of a message that is still held replaces the first one's callback: the newest copy is the one to acknowledge.
   * @returns false where there is no room; the message was not taken and has to come again.
   */
  offer(message: Message, committed: (receipt: Receipt) => void): boolean;
  /** Whether the message would be taken now; for sources that can keep one waiting. */
  hasRoomFor(message: Message): boolean;
}
