/** A delivered message, not inspected yet. */
export type Message = Readonly<{
  /** Such as `nats-streaming`. */
  source: string;
  /** The channel, topic or route. */
  channel: string;
  /** The broker's identity of the message; unique with source and channel. */
  messageId: string;
  payload: Buffer;
  /** Milliseconds since the Unix epoch; undefined if the source does not know. */
  publishedAtMs: number | undefined;
  traceparent?: string;
  /** The JSON of `headersToJson`. */
  headers?: string;
}>;

export type Receipt = Readonly<{
  position: bigint;
  /** False if the inbox already held this message. */
  isNew: boolean;
}>;

/** A message that a domain submits for a caller. */
export type NewMessage = Readonly<{
  /** The same id is the same message. */
  messageId: string;
  payload: Buffer;
  /** Such as the authenticated owner of a command. */
  headers?: Readonly<Record<string, string>>;
  traceparent?: string | undefined;
}>;

export type InboxRow = Readonly<{
  position: bigint;
  messageId: string;
  payload: Buffer;
  /** JSON, for `headersOf`. */
  headersJson: string | undefined;
  /** Milliseconds since the Unix epoch. Not monotone in position order. */
  receivedAtMs: number;
  /** By the publisher's clock: for measurements, never for outcomes. */
  publishedAtMs: number | undefined;
  traceparent?: string | undefined;
}>;
