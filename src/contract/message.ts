/** What a source delivered, before it has a position. Nothing in it was looked into. */
export type Message = Readonly<{
  /** The name of the source, such as `nats-streaming`. */
  source: string;
  /** Where the source took it from: a channel, a topic, a route. */
  channel: string;
  /** The broker's own identity of the message; unique together with source and channel. */
  messageId: string;
  payload: Buffer;
  /** Milliseconds since the Unix epoch, where the source knows. */
  publishedAt: number | undefined;
  /** The W3C trace context that what happens to the message goes on with. */
  traceparent?: string;
  /** What the broker delivered beside the payload, as the JSON of `headersToJson`. */
  headers?: string;
}>;

/** What became of a message that was offered: it has a position for ever. */
export type Receipt = Readonly<{
  position: bigint;
  /** False where the inbox held this message already. */
  isNew: boolean;
}>;

/** A message that a domain appends for a caller of its routes. */
export type NewMessage = Readonly<{
  /** The identity within the domain's http channel: the same id again is the same message. */
  messageId: string;
  payload: Buffer;
  /** Kept beside the payload, such as the authenticated owner of a command. Text only. */
  headers?: Readonly<Record<string, string>>;
  /** The W3C trace context of the request. */
  traceparent?: string | undefined;
}>;

/** A row of the inbox as a projection sees it. */
export type InboxRow = Readonly<{
  position: bigint;
  messageId: string;
  payload: Buffer;
  /** The headers as stored, in JSON; `headersOf` reads them. */
  headersJson: string | undefined;
  /** When the inbox received the message, in milliseconds since the Unix epoch. Not monotone in position order. */
  receivedAtMs: number;
  /** Milliseconds since the Unix epoch, by the publisher's clock; for measurements only, never for an outcome. */
  publishedAt: number | undefined;
  /** For tracing only. */
  traceparent?: string | undefined;
}>;
