/**
 * NATS Streaming: messages of one channel enter by a durable queue subscription with manual acknowledgement. A
 * message is acknowledged when the inbox has committed it. One that finds no room is dropped, and asked for again by
 * a new subscription once there is room: by itself the server would send it again after AckWait, but it counts that
 * from when the message would have been due before, so ten restarts under load make five minutes of thirty seconds.
 * Every loss of the connection ends in a new client that subscribes again under the same durable name, for as long
 * as it takes: a client object of this library is dead once its connection was lost, and a server whose store was
 * wiped has forgotten it.
 */
import stan, { type Stan, type Subscription } from "node-nats-streaming";
import type { Message } from "../../../contract/message.ts";
import type { Sink, Source } from "../../../contract/source.ts";
import { backoffMilliseconds } from "../../../database/backoff.ts";
import type { Logger } from "../../../telemetry/logger.ts";
import { acknowledge, decodeDelivery, receiveRaw } from "./stan-protocol.ts";

export type NatsStreamingOptions = Readonly<{
  url: string;
  clusterId: string;
  clientId: string;
  channel: string;
  durable: string;
  queueGroup: string;
  logger: Logger;
  /**
   * How long the server waits for an acknowledgement before it delivers again, in seconds.
   * The last of the messages in flight waits for four full appends (see IN_FLIGHT_MAX). A full append takes 80 ms beside
   * the database and three round trips beyond that: 0.7 s where one takes 200 ms, 3.1 s where it takes a whole second
   * (`npm run bench -- slow`). So the default of 30 s is reached where an append takes seven seconds; below that nothing
   * is delivered again while its first copy is on its way. What a killed process held waits for that time, too.
   */
  ackWaitSeconds: number;
  /** How many messages the server delivers without an acknowledgement. */
  inFlightMax?: number;
  /** Told of each message that the server says it has delivered before. */
  onRedelivered?: (channel: string) => void;
}>;

export class NatsStreamingSource implements Source {
  readonly name = "nats-streaming";
  readonly channel: string;
  readonly #options: NatsStreamingOptions;
  #inbox: Sink | undefined;
  #client: Stan | undefined;
  #subscription: Subscription | undefined;
  #retry: NodeJS.Timeout | undefined;
  #patience: NodeJS.Timeout | undefined;
  /** Runs while something was refused that was not asked for again. */
  #room: NodeJS.Timeout | undefined;
  /** The last message that the inbox took, until it is committed; those it took before are committed earlier. */
  #lastHeld: number | undefined;
  /** The message whose commit the new subscription waits for. */
  #awaited: number | undefined;
  #attempt = 0;
  #isStopping = false;
  #reason: string | undefined = "not connected yet";

  constructor(options: NatsStreamingOptions) {
    this.#options = options;
    this.channel = options.channel;
  }

  get health() {
    return this.#reason === undefined ? { connected: true } : { connected: false, reason: this.#reason };
  }

  start(inbox: Sink): void {
    this.#inbox = inbox;
    this.#connect();
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    clearTimeout(this.#retry);
    this.#forgetRefused();
  }

  /** Closing the client keeps the durable; unsubscribing would delete it and lose what is published meanwhile. */
  async close(): Promise<void> {
    await this.stop();
    clearTimeout(this.#patience);
    const client = this.#client;
    this.#client = undefined;
    this.#subscription = undefined;
    this.#reason = "closed";
    if (!client) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, CLOSE_TIMEOUT_MS);
      client.once("close", () => {
        clearTimeout(timer);
        resolve();
      });
      client.on("error", () => {});
      client.close();
    });
  }

  #connect(): void {
    const { url, clusterId, clientId, logger } = this.#options;
    const client = stan.connect(clusterId, clientId, {
      url,
      // One way back and not two: the library's own reconnect keeps a session that the server may have forgotten.
      reconnect: false,
      waitOnFirstConnect: false,
      connectTimeout: CONNECT_TIMEOUT_MS,
      stanPingInterval: PING_INTERVAL_MS,
      stanMaxPingOut: PINGS_UNANSWERED_MAX,
    });
    this.#client = client;
    // A server that takes the connection and then says nothing is nothing to the library; it would wait for ever.
    this.#patience = setTimeout(() => this.#lost(client, "the server does not answer"), SUBSCRIBE_TIMEOUT_MS);
    client.on("connect", () => this.#subscribe(client));
    client.on("connection_lost", (error: unknown) => this.#lost(client, error));
    client.on("error", (error: unknown) => this.#lost(client, error));
    client.on("disconnect", () => this.#lost(client, "the connection was closed"));
    client.on("close", () => this.#lost(client, "the connection was closed"));
    logger.debug({ source: this.name }, "connecting");
  }

  #subscribe(client: Stan): void {
    const { channel, durable, queueGroup, logger } = this.#options;
    const options = client
      .subscriptionOptions()
      .setDurableName(durable)
      .setDeliverAllAvailable()
      .setManualAckMode(true)
      .setAckWait(this.#options.ackWaitSeconds * 1000)
      .setMaxInFlight(this.#options.inFlightMax ?? IN_FLIGHT_MAX);
    receiveRaw(client, (delivered) => this.#receive(client, subscription, delivered));
    const subscription = client.subscribe(channel, queueGroup, options);
    this.#subscription = subscription;
    subscription.on("ready", () => {
      clearTimeout(this.#patience);
      this.#attempt = 0;
      this.#reason = undefined;
      logger.info({ source: this.name, channel }, "subscribed");
    });
    subscription.on("error", (error: unknown) => this.#lost(client, error));
    subscription.on("timeout", (error: unknown) => this.#lost(client, error));
  }

  #receive(client: Stan, subscription: Subscription, delivered: Buffer): void {
    if (this.#isStopping || !this.#inbox) return;
    const { channel, onRedelivered } = this.#options;
    const { sequence, timestamp, isRedelivered, payload } = decodeDelivery(delivered);
    if (isRedelivered) onRedelivered?.(channel);
    const message: Message = {
      source: this.name,
      channel,
      // A server whose store was wiped counts from 1 again; with the time its messages are not taken for old ones.
      messageId: `${sequence}-${timestamp}`,
      payload,
      publishedAt: timestamp / NANOSECONDS_PER_MILLISECOND,
    };
    const isTaken = this.#inbox.offer(message, () => {
      if (this.#lastHeld === sequence) this.#lastHeld = undefined;
      if (this.#awaited === sequence) this.#awaited = undefined;
      // The connection it came by may be gone; the server then delivers it again and that copy is acknowledged.
      if (this.#subscription === subscription) acknowledge(subscription, channel, sequence);
    });
    if (isTaken) this.#lastHeld = sequence;
    else this.#room ??= this.#askAgain(this.#inbox, client, subscription, message);
  }

  /**
   * Subscribes anew once there is room, which has the server deliver all that is not acknowledged. Not before what is
   * held now is committed: each time costs a delivery of everything in flight, and should bring in a buffer of it.
   */
  #askAgain(inbox: Sink, client: Stan, subscription: Subscription, refused: Message): NodeJS.Timeout {
    this.#awaited = this.#lastHeld;
    return setInterval(() => {
      if (!inbox.hasRoomFor(refused) || this.#awaited !== undefined) return;
      this.#forgetRefused();
      this.#subscription = undefined;
      subscription.once("closed", () => {
        if (this.#client === client) this.#subscribe(client);
      });
      subscription.close();
    }, ROOM_POLL_MS);
  }

  #forgetRefused(): void {
    clearInterval(this.#room);
    this.#room = undefined;
    this.#awaited = undefined;
  }

  #lost(client: Stan, cause: unknown): void {
    if (this.#client !== client) return;
    clearTimeout(this.#patience);
    this.#forgetRefused();
    this.#client = undefined;
    this.#subscription = undefined;
    this.#reason = describe(cause);
    client.removeAllListeners();
    // A dying client may still raise errors; without a listener they would end the process.
    client.on("error", () => {});
    client.close();
    if (this.#isStopping) return;
    const waitMilliseconds = Math.round(backoffMilliseconds(this.#attempt++));
    const context = { source: this.name, attempt: this.#attempt, waitMilliseconds, reason: this.#reason };
    this.#options.logger.warn(context, "the broker is away; connecting again");
    this.#retry = setTimeout(() => this.#connect(), waitMilliseconds);
  }
}

/** Brokers put addresses, not secrets, into their errors; the URL with its password is never part of them. */
function describe(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}

const NANOSECONDS_PER_MILLISECOND = 1_000_000;

/**
 * Four full appends: one in flight, one gathering, and what is on the wire. More made the drain no quicker, and would make
 * the wait for the last one longer. With the usual message of about a kibibyte this is half of the default buffer.
 */
const IN_FLIGHT_MAX = 16_384;

const CONNECT_TIMEOUT_MS = 2_000;
/** From the beginning of a connection to the confirmed subscription. */
const SUBSCRIBE_TIMEOUT_MS = 10_000;
const CLOSE_TIMEOUT_MS = 2_000;
const ROOM_POLL_MS = 100;

/** A broker that does not answer is noticed after these times multiplied. */
const PING_INTERVAL_MS = 2_000;
const PINGS_UNANSWERED_MAX = 3;
