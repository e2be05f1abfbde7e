/**
 * One connection to NATS Streaming with its subscription. Nothing outlives it: the library's client cannot reconnect,
 * and a server whose store was wiped has forgotten it.
 *
 * NATS Streaming has no NACK. A message without room is dropped, and the session resubscribes when there is room again,
 * which makes the server redeliver everything unacknowledged. The server itself would redeliver after AckWait, counted
 * from the previous due time, so ten restarts under load turn 30 s into five minutes.
 */
import type { Stan, Subscription } from "node-nats-streaming";
import type { Message } from "../../../contract/message.ts";
import type { Sink } from "../../../contract/source.ts";
import type { Logger } from "../../../telemetry/logger.ts";
import type { NatsServer } from "../nats-servers.ts";
import { closeClient, connectToServer } from "./connect.ts";
import { acknowledge, receiveRaw } from "./stan-internals.ts";
import { type Delivery, decodeDelivery } from "./stan-protocol.ts";

export type NatsStreamingOptions = Readonly<{
  /** Separated by commas, with percent-encoded credentials; tried in turn. */
  url: string;
  clusterId: string;
  /** The server rejects a second client with this id. */
  clientId: string;
  channel: string;
  durable: string;
  queueGroup: string;
  logger: Logger;
  /** See docs/sources.md. */
  ackWaitSeconds: number;
  inFlightMax?: number;
  onRedelivered?: (channel: string) => void;
}>;

export class Session {
  readonly #options: NatsStreamingOptions;
  readonly #inbox: Sink;
  readonly #onSubscribed: () => void;
  readonly #client: Stan;
  readonly #ended = Promise.withResolvers<void>();
  /** The library has no timeout for a server that accepts the connection and stays silent. */
  readonly #subscribeTimer: NodeJS.Timeout;
  #subscription: Subscription | undefined;
  #roomTimer: NodeJS.Timeout | undefined;
  /** Earlier messages are committed before it. */
  #lastTakenSequence: number | undefined;
  /** The resubscription waits for its commit. */
  #awaitedSequence: number | undefined;
  #isStopped = false;
  #hasEnded = false;

  /** @param onSubscribed also called after each resubscription. */
  constructor(server: NatsServer, options: NatsStreamingOptions, inbox: Sink, onSubscribed: () => void) {
    this.#options = options;
    this.#inbox = inbox;
    this.#onSubscribed = onSubscribed;
    const client = connectToServer(server, options.clusterId, options.clientId, {
      connectTimeout: CONNECT_TIMEOUT_MS,
      stanPingInterval: PING_INTERVAL_MS,
      stanMaxPingOut: PINGS_UNANSWERED_MAX,
    });
    this.#client = client;
    const silence = new Error("the server does not answer");
    this.#subscribeTimer = setTimeout(() => this.#lose(silence), SUBSCRIBE_TIMEOUT_MS);
    client.on("connect", () => this.#subscribe());
    client.on("connection_lost", (error: unknown) => this.#lose(error));
    client.on("error", (error: unknown) => this.#lose(error));
    client.on("disconnect", () => this.#lose(CONNECTION_CLOSED));
    client.on("close", () => this.#lose(CONNECTION_CLOSED));
  }

  /** Rejects when the connection is lost; resolves after `close`. */
  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  /** Earlier messages can still be acknowledged. */
  stop(): void {
    this.#isStopped = true;
    this.#stopWaitingForRoom();
  }

  /** Unsubscribing would delete the durable and lose later messages. */
  async close(): Promise<void> {
    if (!this.#end()) return;
    await closeClient(this.#client);
    this.#ended.resolve();
  }

  #subscribe(): void {
    const { channel, durable, queueGroup, ackWaitSeconds, inFlightMax = IN_FLIGHT_MAX } = this.#options;
    const options = this.#client
      .subscriptionOptions()
      .setDurableName(durable)
      .setDeliverAllAvailable()
      .setManualAckMode(true)
      .setAckWait(ackWaitSeconds * 1000)
      .setMaxInFlight(inFlightMax);
    receiveRaw(this.#client, (delivery) => this.#receive(subscription, delivery));
    const subscription = this.#client.subscribe(channel, queueGroup, options);
    this.#subscription = subscription;
    subscription.on("ready", () => {
      clearTimeout(this.#subscribeTimer);
      this.#onSubscribed();
    });
    subscription.on("error", (error: unknown) => this.#lose(error));
    subscription.on("timeout", (error: unknown) => this.#lose(error));
  }

  #receive(subscription: Subscription, delivery: Buffer): void {
    if (this.#isStopped) return;
    const { channel, onRedelivered } = this.#options;
    const decoded = decodeDelivery(delivery);
    const { sequence, isRedelivered } = decoded;
    if (isRedelivered) onRedelivered?.(channel);
    const message = messageOf(channel, decoded);
    const isTaken = this.#inbox.offer(message, () => {
      if (this.#lastTakenSequence === sequence) this.#lastTakenSequence = undefined;
      if (this.#awaitedSequence === sequence) this.#awaitedSequence = undefined;
      // After a resubscription the server redelivers the message.
      if (this.#subscription === subscription) acknowledge(subscription, channel, sequence);
    });
    if (isTaken) this.#lastTakenSequence = sequence;
    else this.#roomTimer ??= this.#resubscribeWhenRoom(subscription, message);
  }

  /** Each resubscription redelivers everything in flight, so it should bring a whole buffer of messages. */
  #resubscribeWhenRoom(subscription: Subscription, refused: Message): NodeJS.Timeout {
    this.#awaitedSequence = this.#lastTakenSequence;
    return setInterval(() => {
      if (!this.#inbox.hasRoomFor(refused) || this.#awaitedSequence !== undefined) return;
      this.#stopWaitingForRoom();
      this.#subscription = undefined;
      subscription.once("closed", () => {
        if (!this.#hasEnded) this.#subscribe();
      });
      subscription.close();
    }, ROOM_POLL_MS);
  }

  #stopWaitingForRoom(): void {
    clearInterval(this.#roomTimer);
    this.#roomTimer = undefined;
    this.#awaitedSequence = undefined;
  }

  #lose(cause: unknown): void {
    if (!this.#end()) return;
    this.#client.close();
    this.#ended.reject(cause);
  }

  /** @returns false if the session had ended already. */
  #end(): boolean {
    if (this.#hasEnded) return false;
    this.#hasEnded = true;
    clearTimeout(this.#subscribeTimer);
    this.stop();
    this.#subscription = undefined;
    this.#client.removeAllListeners();
    // Without a listener an error of the dying client would end the process.
    this.#client.on("error", () => {});
    return true;
  }
}

export function messageOf(channel: string, { sequence, timestamp, payload }: Delivery): Message {
  return {
    source: "nats-streaming",
    channel,
    // A wiped server counts from 1 again.
    messageId: `${sequence}-${timestamp}`,
    payload,
    publishedAtMs: timestamp / NANOSECONDS_PER_MILLISECOND,
  };
}

const NANOSECONDS_PER_MILLISECOND = 1_000_000;
const CONNECTION_CLOSED = new Error("the connection was closed");

/**
 * Four full appends: one in flight, one gathering, two on the wire. A larger window did not drain faster. Messages of a
 * kibibyte fill half of the default buffer.
 */
const IN_FLIGHT_MAX = 16_384;

/** Each answer of a nearby server takes milliseconds. */
const CONNECT_TIMEOUT_MS = 2_000;
/** Connecting and subscribing take several answers. */
const SUBSCRIBE_TIMEOUT_MS = 10_000;
/** Little beside the redelivery of a whole window. */
const ROOM_POLL_MS = 100;

/** The connection is lost after PINGS_UNANSWERED_MAX unanswered pings. */
const PING_INTERVAL_MS = 2_000;
const PINGS_UNANSWERED_MAX = 3;
