/** What every broker of one's own can do, whatever its kind: it is started, killed, wiped, and published to. */
import type { SourceName } from "../../src/config/sources.ts";

export type BrokerKind = Exclude<SourceName, "http">;

export interface Broker {
  readonly kind: BrokerKind;
  /** Of the process that can be killed. */
  readonly pid: number;
  /** `host:port` of the place where clients connect. */
  readonly address: string;
  /** Where a proxy has to listen, and what it has to lead to; undefined where any place will do. */
  readonly proxied?: Readonly<{ port: number; listen: number }>;
  /**
   * The variables by which the service and the publisher find it.
   * @param address another way to it, through a proxy.
   */
  environment(address?: string): Readonly<Record<string, string>>;
  start(): Promise<void>;
  stop(signal?: NodeJS.Signals): Promise<void>;
  /** Removes everything that it stored; only while it is stopped. */
  wipe(): Promise<void>;
}

export const BROKER_KINDS: readonly BrokerKind[] = ["nats-streaming", "jetstream", "kafka"];

/** What to do where a kind of broker cannot be had. */
export const HOW_TO_GET: Readonly<Record<BrokerKind, string>> = {
  "nats-streaming":
    "No NATS Streaming server can be had here (not in NATS_STREAMING_SERVER, not on PATH, no Go to build it, no Docker).",
  jetstream:
    "No NATS server can be had here (not in NATS_SERVER, not on PATH, no Go to build it, no Docker). Debian: apt-get install nats-server",
  kafka:
    "No Kafka broker can be had here (no KAFKA_HOME, no Java 17 with Maven, no Docker). Debian: apt-get install default-jre-headless maven",
};
