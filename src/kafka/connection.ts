/** How the source, the outbox relay and the publisher connect to a Kafka cluster. */
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import type { EventEmitter } from "node:events";
import { type CreationEvent, instancesChannel } from "@platformatic/kafka";
import type { KafkaConfig } from "../config/sources.ts";

export type KafkaAddress = Pick<KafkaConfig, "brokers" | "clientId" | "tls" | "sasl">;

export function kafkaConnection({ brokers, clientId, tls, sasl }: KafkaAddress) {
  return {
    clientId,
    bootstrapBrokers: [...brokers],
    connectTimeout: CONNECT_TIMEOUT_MS,
    requestTimeout: REQUEST_TIMEOUT_MS,
    // After a longer fault the session reconnects.
    retries: 2,
    retryDelay: 200,
    context: OWN_INSTANCE,
    ...(tls ? { tls } : {}),
    ...(sasl ? { sasl } : {}),
  };
}

/**
 * Some objects of the library emit an error twice. The first rejects the pending promise; the second has no listener
 * and would end the process. Until the result is disposed, every object of `kafkaConnection` has one.
 */
export function guardSecondErrors(): Disposable {
  const guard = (created: unknown) => {
    const { instance } = created as CreationEvent<EventEmitter & { context?: unknown }>;
    if (instance.context === OWN_INSTANCE) instance.on("error", () => {});
  };
  subscribe(instancesChannel.name, guard);
  return { [Symbol.dispose]: () => unsubscribe(instancesChannel.name, guard) };
}

/** Objects of other libraries keep their own error handlers. */
const OWN_INSTANCE = Symbol("waybill");

/** Accepting takes milliseconds, TLS and authentication included. */
const CONNECT_TIMEOUT_MS = 3_000;
/** Longer than any request; a classic rebalance takes seconds. */
const REQUEST_TIMEOUT_MS = 10_000;
