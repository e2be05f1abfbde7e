/**
 * NATS JetStream: the messages of one stream, or of one subject in it, enter through a durable pull consumer with explicit
 * acknowledgement. A message is acknowledged when the inbox has committed it; while it is on its way the server is told so,
 * and does not deliver it again. One that finds no room waits here, and nothing more is pulled meanwhile. Every loss of the
 * connection, the stream or the consumer ends in a new connection, for as long as it takes.
 */
import { setTimeout as delay } from "node:timers/promises";
import {
  AckPolicy,
  type ConsumerMessages,
  JetStreamApiCodes,
  JetStreamApiError,
  type JetStreamManager,
  type JsMsg,
  jetstream,
  jetstreamManager,
  type StreamInfo,
} from "@nats-io/jetstream";
import { connect, type NatsConnection, nanos } from "@nats-io/transport-node";
import type { JetStreamConfig } from "../../../config/config.ts";
import { headersToJson, traceparentIn } from "../../../contract/headers.ts";
import type { Message } from "../../../contract/message.ts";
import type { Sink, Source } from "../../../contract/source.ts";
import { backoffMilliseconds } from "../../../database/backoff.ts";
import type { Logger } from "../../../telemetry/logger.ts";
import { natsConnectionOptions } from "./nats-connection.ts";

export type JetStreamOptions = JetStreamConfig &
  Readonly<{
    logger: Logger;
    /** Unacknowledged messages that the server delivers at most. */
    inFlightMax?: number;
    /** Called for each message that the server marks as redelivered. */
    onRedelivered?: (channel: string) => void;
  }>;

/** Whose numbers a stream's are, and what subject goes without saying. */
type Series = Readonly<{ created: bigint; onlySubject: string | undefined }>;

export class JetStreamSource implements Source {
  readonly name = "jetstream";
  readonly channel: string;
  readonly #options: JetStreamOptions;
  readonly #stop = new AbortController();
  /** Offered and not acknowledged, and since when the server knows of it. */
  readonly #onTheirWay = new Map<JsMsg, number>();
  #running: Promise<void> = Promise.resolve();
  #connection: NatsConnection | undefined;
  #messages: ConsumerMessages | undefined;
  #lag: number | undefined;
  #reason: string | undefined = "not connected yet";

  constructor(options: JetStreamOptions) {
    this.#options = options;
    const { stream, subject } = options;
    // The numbers of a part of a stream have holes that mean nothing, so it is a channel of its own.
    this.channel = subject === undefined ? stream : `${stream}/${subject}`;
  }

  get health() {
    return this.#reason === undefined ? { connected: true } : { connected: false, reason: this.#reason };
  }

  get lag(): number | undefined {
    return this.#lag;
  }

  start(inbox: Sink): void {
    this.#running = this.#run(inbox);
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    this.#messages?.stop();
  }

  async close(): Promise<void> {
    await this.stop();
    // What was acknowledged is on its way to the server; one that does not answer is not waited for.
    await Promise.race([this.#connection?.drain().catch(() => {}), delay(CLOSE_TIMEOUT_MS)]);
    await this.#connection?.close();
    await this.#running;
    this.#reason = "closed";
  }

  async #run(inbox: Sink): Promise<void> {
    const { signal } = this.#stop;
    for (let attempt = 0; !signal.aborted; attempt++) {
      try {
        await this.#takeIn(inbox, () => {
          attempt = 0;
        });
        this.#reason = "the connection was closed";
      } catch (error) {
        this.#reason = describe(error, this.#options.stream);
      }
      if (signal.aborted) return;
      const waitMilliseconds = Math.round(backoffMilliseconds(attempt));
      const context = { source: this.name, attempt: attempt + 1, waitMilliseconds, reason: this.#reason };
      this.#options.logger.warn(context, "the broker is away; connecting again");
      await delay(waitMilliseconds, undefined, { signal }).catch(() => {});
    }
  }

  /** One connection, from its beginning to its end; rejects where that was an error. */
  async #takeIn(inbox: Sink, onConnected: () => void): Promise<void> {
    const { stream, durable, logger } = this.#options;
    const connection = await connect({ ...natsConnectionOptions(this.#options), name: "waybill" });
    this.#connection = connection;
    const timers: NodeJS.Timeout[] = [];
    try {
      if (this.#stop.signal.aborted) return;
      const manager = await jetstreamManager(connection);
      const info = await this.#findStream(manager);
      await this.#setUpDurable(manager);
      const consumer = await jetstream(connection).consumers.get(stream, durable);
      const messages = await consumer.consume({
        // No message that the server accepts is larger than that, so none can be stuck.
        max_bytes: Math.max(PULL_BYTES_MAX, (connection.info?.max_payload ?? 0) + ENVELOPE_BYTES_MAX),
        expires: PULL_MS,
        abort_on_missing_resource: true,
      });
      this.#messages = messages;
      const half = (this.#options.ackWaitSeconds * 1000) / 2;
      timers.push(setInterval(() => this.#sayThatTheyAreOnTheirWay(half), half / 2));
      timers.push(setInterval(() => void this.#measureLag(manager), LAG_MS));
      await this.#measureLag(manager);
      if (this.#stop.signal.aborted) messages.stop();
      this.#reason = undefined;
      onConnected();
      logger.info({ source: this.name, channel: this.channel }, "subscribed");
      const series = { created: nanosecondsOf(info.created), onlySubject: onlySubjectOf(info) };
      let newest = 0;
      for await (const delivered of messages) {
        if (delivered.redelivered) this.#options.onRedelivered?.(this.channel);
        // A server that counts anew has another stream under the name: what this one is called does not hold for it.
        else if (delivered.seq <= newest) throw new Error(`stream ${stream} was deleted and made again`);
        newest = Math.max(newest, delivered.seq);
        const message = this.#messageOf(delivered, series);
        if (!inbox.hasRoomFor(message)) await this.#waitForRoom(inbox, message, delivered);
        if (this.#stop.signal.aborted) break;
        this.#offer(inbox, message, delivered, connection);
      }
      // What was offered before a stop is still committed, and acknowledged over this connection until `close`.
      const error = await connection.closed();
      if (error) throw error;
    } finally {
      for (const timer of timers) clearInterval(timer);
      this.#connection = undefined;
      this.#messages = undefined;
      this.#lag = undefined;
      this.#onTheirWay.clear();
      await connection.close().catch(() => {});
    }
  }

  #messageOf(delivered: JsMsg, { created, onlySubject }: Series): Message {
    const headers: [string, string][] = [];
    for (const [name, values] of delivered.headers ?? []) {
      for (const value of values) headers.push([name, value]);
    }
    const subject = delivered.subject === onlySubject ? {} : { subject: delivered.subject };
    const json = headersToJson({ headers, ...subject });
    const traceparent = headers.length > 0 ? traceparentIn(headers) : undefined;
    const { buffer, byteOffset, byteLength } = delivered.data;
    return {
      source: this.name,
      channel: this.channel,
      // A stream that was made again counts from 1 again; with its creation its messages are not taken for old ones.
      messageId: `${delivered.seq}-${created}`,
      payload: Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength),
      publishedAt: delivered.info.timestampNanos / NANOSECONDS_PER_MILLISECOND,
      ...(traceparent === undefined ? {} : { traceparent }),
      ...(json === undefined ? {} : { headers: json }),
    };
  }

  #offer(inbox: Sink, message: Message, delivered: JsMsg, connection: NatsConnection): void {
    this.#onTheirWay.set(delivered, Date.now());
    const isTaken = inbox.offer(message, () => {
      this.#onTheirWay.delete(delivered);
      // The connection it came by may be gone; the server then delivers it again and that copy is acknowledged.
      if (!connection.isClosed()) delivered.ack();
    });
    if (!isTaken) this.#onTheirWay.delete(delivered);
  }

  /** Keeps a message, and with it all that are behind it, until there is room for it or the source is stopped. */
  async #waitForRoom(inbox: Sink, message: Message, delivered: JsMsg): Promise<void> {
    this.#onTheirWay.set(delivered, Date.now());
    while (!inbox.hasRoomFor(message) && !this.#stop.signal.aborted) await delay(ROOM_POLL_MS);
    this.#onTheirWay.delete(delivered);
  }

  #sayThatTheyAreOnTheirWay(sinceMilliseconds: number): void {
    const now = Date.now();
    if (this.#connection?.isClosed()) return;
    for (const [message, since] of this.#onTheirWay) {
      if (now - since < sinceMilliseconds) continue;
      message.working();
      this.#onTheirWay.set(message, now);
    }
  }

  async #measureLag(manager: JetStreamManager): Promise<void> {
    const { stream, durable } = this.#options;
    try {
      const { num_pending, num_ack_pending } = await manager.consumers.info(stream, durable);
      this.#lag = num_pending + num_ack_pending;
    } catch {
      // The stream of messages notices what is wrong, and says it.
      this.#lag = undefined;
    }
  }

  /** Makes the durable, or brings its settings in line; where it stands in the stream stays. */
  async #setUpDurable(manager: JetStreamManager): Promise<void> {
    const { stream, durable, subject } = this.#options;
    const settings = {
      ack_wait: nanos(this.#options.ackWaitSeconds * 1000),
      max_ack_pending: this.#options.inFlightMax ?? IN_FLIGHT_MAX,
      max_deliver: WITHOUT_END,
    };
    const known = await manager.consumers.info(stream, durable).catch((error: unknown) => {
      if (isMissing(error, JetStreamApiCodes.ConsumerNotFound)) return undefined;
      throw error;
    });
    if (!known) {
      const kept = { durable_name: durable, ack_policy: AckPolicy.Explicit };
      const part = subject === undefined ? {} : { filter_subject: subject };
      await manager.consumers.add(stream, { ...settings, ...kept, ...part });
      return;
    }
    const { ack_policy, deliver_subject, filter_subject, filter_subjects } = known.config;
    const isOfOurKind = ack_policy === AckPolicy.Explicit && !deliver_subject;
    // With another part it would pass over what lies before its place.
    if (!isOfOurKind || filter_subjects || (filter_subject || undefined) !== subject) {
      throw new Error(
        `durable ${durable} of stream ${stream} is no pull consumer with explicit acknowledgement ` +
          `${subject === undefined ? "of the whole stream" : `of ${subject}`}; set JETSTREAM_DURABLE to another name`,
      );
    }
    await manager.consumers.update(stream, durable, settings);
  }

  async #findStream(manager: JetStreamManager): Promise<StreamInfo> {
    const { stream, newStreamSubject } = this.#options;
    try {
      return await manager.streams.info(stream);
    } catch (error) {
      if (!isMissing(error, JetStreamApiCodes.StreamNotFound) || newStreamSubject === undefined) throw error;
      return await manager.streams.add({ name: stream, subjects: [newStreamSubject] });
    }
  }
}

/** The subject of every message, where the stream has one alone: it says nothing that the name of the stream does not. */
function onlySubjectOf({ config: { subjects = [] } }: StreamInfo): string | undefined {
  return subjects.length === 1 ? subjects[0] : undefined;
}

/** Nanoseconds since the Unix epoch of a time with a fraction of up to nine digits. */
function nanosecondsOf(time: string): bigint {
  const [, seconds = "", fraction = "", zone = ""] = /^(.{19})(?:\.(\d{1,9}))?(.*)$/.exec(time) ?? [];
  return (
    BigInt(Date.parse(seconds + zone)) * BigInt(NANOSECONDS_PER_MILLISECOND) + BigInt(fraction.padEnd(9, "0"))
  );
}

function isMissing(error: unknown, code: number): boolean {
  return error instanceof JetStreamApiError && error.code === code;
}

function describe(error: unknown, stream: string): string {
  if (isMissing(error, JetStreamApiCodes.StreamNotFound)) {
    return `stream ${stream} does not exist; it is waited for (JETSTREAM_CREATE_STREAM=true makes it)`;
  }
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message;
}

const NANOSECONDS_PER_MILLISECOND = 1_000_000;

/** For the same reason as with NATS Streaming: four full appends. */
const IN_FLIGHT_MAX = 16_384;
/** Of deliveries: a message that was not acknowledged comes again for as long as it takes. */
const WITHOUT_END = -1;

/** What may wait here beside the inbox: half an append. */
const PULL_BYTES_MAX = 4 * 1024 * 1024;
/** What the server counts beside the payload: subjects and headers. */
const ENVELOPE_BYTES_MAX = 64 * 1024;
/** A pull that the size of a message ended is made again after that time. */
const PULL_MS = 2_000;

const ROOM_POLL_MS = 20;
const LAG_MS = 5_000;
const CLOSE_TIMEOUT_MS = 2_000;
