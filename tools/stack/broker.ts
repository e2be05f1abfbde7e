/** A broker that a test or command can start, kill, wipe and publish to. */
import type { SourceName } from "../../src/config/sources.ts";

export type BrokerKind = Exclude<SourceName, "http">;

export interface Broker {
  readonly kind: BrokerKind;
  /** Of the broker's process; 0 if it is not one of ours. */
  readonly pid: number;
  /** `host:port` for clients. */
  readonly address: string;
  /** The broker's port behind a proxy, and the proxy's port; undefined if a proxy may use any port. */
  readonly proxied?: Readonly<{ port: number; listen: number }>;
  /**
   * Variables with which the service and the publisher connect.
   * @param address of a proxy, if clients connect through one.
   */
  environment(address?: string): Readonly<Record<string, string>>;
  start(): Promise<void>;
  stop(signal?: NodeJS.Signals): Promise<void>;
  /** Removes all stored data; the broker must be stopped. */
  wipe(): Promise<void>;
}

export const BROKER_KINDS: readonly BrokerKind[] = ["nats-streaming", "jetstream", "kafka"];

/** Advice if a broker's program is missing. */
export const HOW_TO_GET: Readonly<Record<BrokerKind, string>> = {
  "nats-streaming":
    "NATS Streaming was not found (not in NATS_STREAMING_SERVER, not on PATH, no Go to build it, no Docker).",
  jetstream:
    "NATS was not found (not in NATS_SERVER, not on PATH, no Go to build it, no Docker). Debian: apt-get install nats-server",
  kafka:
    "Kafka was not found (no KAFKA_HOME, no Java 17 with Maven, no Docker). Debian: apt-get install default-jre-headless maven",
};
