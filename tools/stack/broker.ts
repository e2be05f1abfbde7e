/** A broker to start, kill, wipe and publish to. */
import type { SourceName } from "../../src/config/sources.ts";

export type BrokerKind = Exclude<SourceName, "http">;

export interface Broker {
  readonly kind: BrokerKind;
  /** 0 if it is not one of ours. */
  readonly pid: number;
  /** `host:port`. */
  readonly address: string;
  /** The broker's port behind a proxy, and the proxy's; undefined if any will do. */
  readonly proxied?: Readonly<{ port: number; listen: number }>;
  /** Variables for the service and publishers. @param address of a proxy. */
  environment(address?: string): Readonly<Record<string, string>>;
  start(): Promise<void>;
  stop(signal?: NodeJS.Signals): Promise<void>;
  /** Only while it is stopped. */
  wipe(): Promise<void>;
}

export const BROKER_KINDS: readonly BrokerKind[] = ["nats-streaming", "jetstream", "kafka"];

export const HOW_TO_GET: Readonly<Record<BrokerKind, string>> = {
  "nats-streaming":
    "NATS Streaming was not found (not in NATS_STREAMING_SERVER, not on PATH, no Go to build it, no Docker).",
  jetstream:
    "NATS was not found (not in NATS_SERVER, not on PATH, no Go to build it, no Docker). Debian: apt-get install nats-server",
  kafka:
    "Kafka was not found (no KAFKA_HOME, no Java 17 with Maven, no Docker). Debian: apt-get install default-jre-headless maven",
};
