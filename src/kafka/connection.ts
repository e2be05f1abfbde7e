/** How every client of a Kafka cluster connects: the source, the relay of the outbox, and the publisher. */
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import type { EventEmitter } from "node:events";
import { type CreationEvent, instancesChannel } from "@platformatic/kafka";
import type { KafkaConfig } from "../config/sources.ts";

/** What a connection needs to know. */
export type KafkaAddress = Pick<KafkaConfig, "brokers" | "clientId" | "tls" | "sasl">;

export function kafkaConnection({ brokers, clientId, tls, sasl }: KafkaAddress) {
  return {
    clientId,
    bootstrapBrokers: [...brokers],
    connectTimeout: CONNECT_TIMEOUT_MS,
    requestTimeout: REQUEST_TIMEOUT_MS,
    // Enough for a short fault; a longer one ends the session, and its owner connects again.
    retries: 2,
    retryDelay: 200,
    context: OWN_INSTANCE,
    ...(tls ? { tls } : {}),
    ...(sasl ? { sasl } : {}),
  };
}

/**
 * Some of the library's objects emit an error twice: a connection whose broker hangs up while it authenticates does. The
 * first error rejects the pending promise; the second has no listener and would end the process. While the result is
 * not disposed of, each object that `kafkaConnection` configures gets a listener.
 */
export function guardSecondErrors(): Disposable {
  const guard = (created: unknown) => {
    const { instance } = created as CreationEvent<EventEmitter & { context?: unknown }>;
    if (instance.context === OWN_INSTANCE) instance.on("error", () => {});
  };
  subscribe(instancesChannel.name, guard);
  return { [Symbol.dispose]: () => unsubscribe(instancesChannel.name, guard) };
}

/** Marks the library's objects that belong to Waybill; others of the process may have error handlers of their own. */
const OWN_INSTANCE = Symbol("waybill");

/** A broker nearby accepts within milliseconds; this includes TLS and authentication. */
const CONNECT_TIMEOUT_MS = 3_000;
/** Longer than any request waits at a broker; a rebalance with the classic protocol takes seconds. */
const REQUEST_TIMEOUT_MS = 10_000;
