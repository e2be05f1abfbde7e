/**
 * Patches node-nats-streaming, whose generated code copies each payload three times, with `stan-protocol.ts` (the drain
 * became 14 % faster: 36.4 to 41.3 k messages/s) and `nats-inbound.ts`. The library is frozen at 0.3.2; a check fails for
 * other internals.
 */
import stan, { type Stan, type Subscription } from "node-nats-streaming";
import { type Inbound, readWholeMessages } from "./nats-inbound.ts";
import { encodeAck } from "./stan-protocol.ts";

type Connect = (clusterId: string, clientId: string, options: object) => Stan;

type NatsConnection = Inbound & {
  options: { preserveBuffers: boolean };
  publish: (subject: string, data: Buffer) => void;
  url: URL;
  createConnection: () => void;
};

type Internals = { nc: NatsConnection; processMsg: () => (delivery: Buffer) => void };
type SubscriptionInternals = { stanConnection: Internals | undefined; ackInbox: string };

/** Call before subscribing. */
export function receiveRaw(client: Stan, receive: (delivery: Buffer) => void): void {
  const internals = internalsOf(client);
  // Deliver bytes, not text; the client does not pass this option on.
  internals.nc.options.preserveBuffers = true;
  readWholeMessages(internals.nc);
  // The receiver of the next subscription.
  internals.processMsg = () => receive;
}

/** Does nothing if the connection is closed. */
export function acknowledge(subscription: Subscription, channel: string, sequence: number): void {
  const { stanConnection, ackInbox } = subscription as unknown as SubscriptionInternals;
  stanConnection?.nc.publish(ackInbox, encodeAck(channel, sequence));
}

/** The NATS library would look up the URL's host, "[::1]" with brackets, by DNS. */
export function connectWithoutBrackets(client: Stan, address: string): void {
  const { nc } = internalsOf(client);
  if (typeof nc.createConnection !== "function" || !(nc.url instanceof URL)) {
    throw new UnknownInternalsError("there is no nc with createConnection and url");
  }
  Object.defineProperty(nc.url, "hostname", { value: address });
  // Closes the pending attempt.
  nc.createConnection();
}

/**
 * Subscribes over a fake connection.
 * @throws Error if the patches do not work.
 */
export function assertInternals(connect: Connect = stan.connect): void {
  const receive = () => {};
  const receivers: unknown[] = [];
  const connection = {
    encoding: "binary",
    options: { preserveBuffers: false },
    on: () => {},
    processInbound: () => {},
    publish: () => {},
    requestOne: () => {},
    subscribe: (_subject: string, receiver: unknown) => receivers.push(receiver),
  };
  const client = connect("check", "check", { nc: connection });
  receiveRaw(client, receive);
  const subscription = client.subscribe("check", "check", client.subscriptionOptions());
  const { stanConnection } = subscription as unknown as SubscriptionInternals;
  if (!receivers.includes(receive)) throw new UnknownInternalsError("processMsg does not give the receiver");
  if (stanConnection?.nc !== (connection as unknown)) {
    throw new UnknownInternalsError("a subscription does not lead to its connection");
  }
}

function internalsOf(client: Stan): Internals {
  const internals = client as unknown as Partial<Internals>;
  if (typeof internals.processMsg !== "function") throw new UnknownInternalsError("there is no processMsg");
  if (typeof internals.nc?.publish !== "function" || internals.nc.options === undefined) {
    throw new UnknownInternalsError("there is no nc with options and publish");
  }
  if (typeof internals.nc.processInbound !== "function") {
    throw new UnknownInternalsError("nc has no processInbound");
  }
  return internals as Internals;
}

class UnknownInternalsError extends Error {
  constructor(difference: string) {
    super(
      `node-nats-streaming has other internals than version 0.3.2, which stan-internals.ts patches: ${difference}`,
    );
  }
}
