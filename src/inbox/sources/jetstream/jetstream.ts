/**
 * NATS JetStream: messages of a stream, or of one of its subjects, enter through a durable pull consumer and are
 * acknowledged after the commit. Until then the source extends their deadline, so the server does not redeliver them.
 * While a message waits for room, nothing more is pulled. If the connection, the stream or the consumer is lost, it
 * reconnects.
 */
import { setTimeout as delay } from "node:timers/promises";
import type { ConsumerMessages, JsMsg } from "@nats-io/jetstream";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import { headersToJson, traceparentIn } from "../../../contract/headers.ts";
import type { Message } from "../../../contract/message.ts";
import type { Health, Sink, Source } from "../../../contract/source.ts";
import { keepConnected } from "../keep-connected.ts";
import { type ConsumerOptions, type OpenConsumer, openConsumer } from "./consumer.ts";
import { natsConnectionOptions } from "./nats-connection.ts";

export type JetStreamOptions = ConsumerOptions &
  Readonly<{
    onRedelivered?: (channel: string) => void;
  }>;

export class JetStreamSource implements Source {
  readonly name = "jetstream";
  readonly channel: string;
  readonly #options: JetStreamOptions;
  readonly #stop = new AbortController();
  /** With the time of the last deadline extension. */
  readonly #inProgress = new Map<JsMsg, number>();
  #health: Health = { connected: false, reason: "not connected yet" };
  #running: Promise<void> = Promise.resolve();
  #connection: NatsConnection | undefined;
  #messages: ConsumerMessages | undefined;
  #lag: number | undefined;

  constructor(options: JetStreamOptions) {
    this.#options = options;
    const { stream, subject } = options;
    // A filtered consumer sees gaps in the sequence, so it gets its own channel name and no gap detection.
    this.channel = subject === undefined ? stream : `${stream}/${subject}`;
  }

  get health(): Health {
    return this.#health;
  }

  get lag(): number | undefined {
    return this.#lag;
  }

  start(inbox: Sink): void {
    this.#running = keepConnected((onConnected) => this.#open(inbox, onConnected), {
      source: this.name,
      channel: this.channel,
      signal: this.#stop.signal,
      logger: this.#options.logger,
      onState: (health) => {
        this.#health = health;
      },
    });
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    this.#messages?.stop();
  }

  async close(): Promise<void> {
    await this.stop();
    // Acknowledgements may still be on the wire.
    await Promise.race([this.#connection?.drain().catch(() => {}), delay(CLOSE_TIMEOUT_MS)]);
    await this.#connection?.close();
    await this.#running;
  }

  async #open(inbox: Sink, onConnected: () => void): Promise<void> {
    const connection = await connect({ ...natsConnectionOptions(this.#options), name: "waybill" });
    this.#connection = connection;
    const timers: NodeJS.Timeout[] = [];
    try {
      if (this.#stop.signal.aborted) return;
      const consumer = await openConsumer(connection, this.#options);
      this.#messages = consumer.messages;
      const half = (this.#options.ackWaitSeconds * 1000) / 2;
      timers.push(setInterval(() => this.#extendAckDeadlines(half), half / 2));
      timers.push(setInterval(() => void this.#measureLag(consumer), LAG_MS));
      await this.#measureLag(consumer);
      if (this.#stop.signal.aborted) consumer.messages.stop();
      onConnected();
      await this.#consume(inbox, consumer, connection);
      // Messages offered before a stop are still acknowledged.
      const error = await connection.closed();
      if (error) throw error;
    } finally {
      for (const timer of timers) clearInterval(timer);
      this.#connection = undefined;
      this.#messages = undefined;
      this.#lag = undefined;
      this.#inProgress.clear();
      await connection.close().catch(() => {});
    }
  }

  async #consume(inbox: Sink, consumer: OpenConsumer, connection: NatsConnection): Promise<void> {
    let newest = 0;
    for await (const delivered of consumer.messages) {
      if (delivered.redelivered) this.#options.onRedelivered?.(this.channel);
      // Another stream of this name, whose creation time belongs into the ids.
      else if (delivered.seq <= newest) {
        throw new Error(`stream ${this.#options.stream} was deleted and created again`);
      }
      newest = Math.max(newest, delivered.seq);
      const message = this.#messageOf(delivered, consumer);
      if (!inbox.hasRoomFor(message)) await this.#waitForRoom(inbox, message, delivered);
      if (this.#stop.signal.aborted) break;
      this.#offer(inbox, message, delivered, connection);
    }
  }

  #messageOf(delivered: JsMsg, { streamCreated, onlySubject }: OpenConsumer): Message {
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
      // A recreated stream counts from 1 again; its creation time keeps ids unique.
      messageId: `${delivered.seq}-${streamCreated}`,
      payload: Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength),
      publishedAtMs: delivered.info.timestampNanos / NANOSECONDS_PER_MILLISECOND,
      ...(traceparent === undefined ? {} : { traceparent }),
      ...(json === undefined ? {} : { headers: json }),
    };
  }

  #offer(inbox: Sink, message: Message, delivered: JsMsg, connection: NatsConnection): void {
    this.#inProgress.set(delivered, Date.now());
    const isTaken = inbox.offer(message, () => {
      this.#inProgress.delete(delivered);
      // After a disconnect the server redelivers the message.
      if (!connection.isClosed()) delivered.ack();
    });
    if (!isTaken) this.#inProgress.delete(delivered);
  }

  /** Holds back this message and all behind it. */
  async #waitForRoom(inbox: Sink, message: Message, delivered: JsMsg): Promise<void> {
    this.#inProgress.set(delivered, Date.now());
    while (!inbox.hasRoomFor(message) && !this.#stop.signal.aborted) await delay(ROOM_POLL_MS);
    this.#inProgress.delete(delivered);
  }

  #extendAckDeadlines(olderThanMilliseconds: number): void {
    const now = Date.now();
    if (this.#connection?.isClosed()) return;
    for (const [message, since] of this.#inProgress) {
      if (now - since < olderThanMilliseconds) continue;
      message.working();
      this.#inProgress.set(message, now);
    }
  }

  async #measureLag(consumer: OpenConsumer): Promise<void> {
    // The loop over messages reports a lost consumer.
    this.#lag = await consumer.lag().catch(() => undefined);
  }
}

const NANOSECONDS_PER_MILLISECOND = 1_000_000;

/** Empties a hundredth of a full inbox. */
const ROOM_POLL_MS = 20;
/** Prometheus scrapes every 5 to 60 s. */
const LAG_MS = 5_000;
const CLOSE_TIMEOUT_MS = 2_000;
