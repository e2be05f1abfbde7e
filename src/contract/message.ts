/** A delivered message without a position yet. Its content was not looked at. */
export type Message = Readonly<{
  /** The name of the source, such as `nats-streaming`. */
  source: string;
  /** The channel, topic or route. */
  channel: string;
  /** The broker's identity of the message; unique with source and channel. */
  messageId: string;
  payload: Buffer;
  /** Milliseconds since the Unix epoch; undefined if the source does not know. */
  publishedAtMs: number | undefined;
  /** The W3C trace context of the publisher. */
  traceparent?: string;
  /** The JSON of `headersToJson`. */
  headers?: string;
}>;

/** A permanent position. */
export type Receipt = Readonly<{
  position: bigint;
  /** False if the inbox already held this message. */
  isNew: boolean;
}>;

/** A message that a domain submits for a caller. */
export type NewMessage = Readonly<{
  /** The same id is the same message, within the domain's http channel. */
  messageId: string;
  payload: Buffer;
  /** Text to store beside the payload, such as the authenticated owner of a command. */
  headers?: Readonly<Record<string, string>>;
  /** The W3C trace context of the request. */
  traceparent?: string | undefined;
}>;

/** A row of the inbox as a projection sees it. */
export type InboxRow = Readonly<{
  position: bigint;
  messageId: string;
  payload: Buffer;
  /** JSON, for `headersOf`. */
  headersJson: string | undefined;
  /** When the inbox received the message, in milliseconds since the Unix epoch. Not monotone in position order. */
  receivedAtMs: number;
  /** Milliseconds since the Unix epoch by the publisher's clock: for measurements, never for outcomes. */
  publishedAtMs: number | undefined;
  /** For tracing only. */
  traceparent?: string | undefined;
}>;
