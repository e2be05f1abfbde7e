/**
 * NATS Streaming 0.25.6 loses messages of a queue group: the server redelivers an expired message of member A to member B,
 * and then removes it from A's pending messages. If B leaves between these steps, the server moves the message back to A,
 * and then removes it: no member has it, and it counts as acknowledged although no member did so (server.go,
 * performAckExpirationRedelivery and Remove). The store still has it, so an audit's gap is read again here.
 *
 * A plain subscription delivers the range: without a durable name and a group, which keep no state. The inbox recognises
 * messages that it already has.
 */
import type { Subscription } from "node-nats-streaming";
import type { Sink, SkippedRange } from "../../../contract/source.ts";
import type { NatsServer } from "../nats-servers.ts";
import { closeClient, connectToServer } from "./connect.ts";
import { messageOf, type NatsStreamingOptions } from "./session.ts";
import { acknowledge, receiveRaw } from "./stan-internals.ts";
import { decodeDelivery } from "./stan-protocol.ts";

/**
 * @returns how many messages were new to the inbox.
 * @throws if the connection is lost, the inbox has no room, a commit is late, or the signal aborts.
 */
export async function readSkipped(
  server: NatsServer,
  { clusterId, clientId, channel, ackWaitSeconds }: NatsStreamingOptions,
  { from, to, since, until }: SkippedRange,
  inbox: Sink,
  signal: AbortSignal,
): Promise<number> {
  const finished = Promise.withResolvers<void>();
  const uncommitted = new Set<number>();
  let stored = 0;
  let isSubscribed = false;
  let isDelivered = false;
  let isOpen = true;
  const finishIfDone = () => {
    if (isDelivered && uncommitted.size === 0) finished.resolve();
  };
  const silence = setTimeout(() => {
    // The server has nothing from the range on.
    if (isSubscribed && uncommitted.size === 0) finished.resolve();
    else finished.reject(new Error(isSubscribed ? "the inbox is too slow" : "the server does not answer"));
  }, SILENCE_MS);
  // The server rejects a second client with the same id.
  const client = connectToServer(server, clusterId, `${clientId}-skipped`);
  const receive = (bytes: Buffer) => {
    if (!isOpen) return;
    silence.refresh();
    const delivery = decodeDelivery(bytes);
    const { sequence, timestamp } = delivery;
    if (BigInt(sequence) > to) {
      isDelivered = true;
      return finishIfDone();
    }
    // As in the message id: the number is rounded.
    const time = BigInt(String(timestamp));
    // Of another store.
    if (time < since || time > until) return acknowledge(subscription, channel, sequence);
    uncommitted.add(sequence);
    const isTaken = inbox.offer(messageOf(channel, delivery), ({ isNew }) => {
      uncommitted.delete(sequence);
      if (isNew) stored++;
      if (!isOpen) return;
      silence.refresh();
      acknowledge(subscription, channel, sequence);
      finishIfDone();
    });
    if (!isTaken) finished.reject(new Error("the inbox has no room"));
  };
  const options = client
    .subscriptionOptions()
    .setStartAtSequence(Number(from))
    .setManualAckMode(true)
    .setAckWait(ackWaitSeconds * 1000)
    .setMaxInFlight(IN_FLIGHT_MAX);
  let subscription: Subscription;
  client.on("connect", () => {
    receiveRaw(client, receive);
    subscription = client.subscribe(channel, options);
    subscription.on("ready", () => {
      isSubscribed = true;
    });
    subscription.on("error", finished.reject);
    subscription.on("timeout", finished.reject);
  });
  client.on("error", finished.reject);
  for (const event of ["connection_lost", "disconnect", "close"]) {
    client.on(event, () => finished.reject(new Error("the connection was closed")));
  }
  const abort = () => finished.reject(signal.reason);
  signal.addEventListener("abort", abort);
  try {
    signal.throwIfAborted();
    await finished.promise;
    return stored;
  } finally {
    isOpen = false;
    clearTimeout(silence);
    signal.removeEventListener("abort", abort);
    client.removeAllListeners();
    // Without a listener an error of the closing client would end the process.
    client.on("error", () => {});
    // Otherwise the server may reject the client of the next range.
    await closeClient(client);
  }
}

/** Few: the range competes with new messages for room. */
const IN_FLIGHT_MAX = 100;

/** Far longer than a busy server or append needs, because a silent store counts as read. */
const SILENCE_MS = 30_000;
