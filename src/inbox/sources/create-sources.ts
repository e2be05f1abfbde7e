/** Creates the sources of one domain. A broker's library is loaded only if its source runs. */
import type { DomainConfig } from "../../config/config.ts";
import type { SourceName } from "../../config/sources.ts";
import type { Source, SourceGap } from "../../contract/source.ts";
import type { Logger } from "../../telemetry/logger.ts";
import { PausableSource } from "./pausable.ts";

export type CreateSourcesOptions = Readonly<{
  /** Also used by the domain's routes. */
  http: Source;
  logger: Logger;
  onRedelivered: (source: SourceName, channel: string) => void;
  noteGap: (gap: SourceGap) => Promise<void>;
}>;

export async function createSources(
  names: readonly SourceName[],
  config: DomainConfig,
  { http, logger, onRedelivered: countRedelivered, noteGap }: CreateSourcesOptions,
): Promise<PausableSource[]> {
  const redelivered = (source: SourceName) => (channel: string) => countRedelivered(source, channel);
  const load: Readonly<Record<SourceName, () => Promise<() => Source>>> = {
    http: async () => () => http,
    "nats-streaming": async () => {
      const { NatsStreamingSource } = await import("./nats-streaming/nats-streaming.ts");
      const onRedelivered = redelivered("nats-streaming");
      return () => new NatsStreamingSource({ ...config.natsStreaming, logger, onRedelivered });
    },
    jetstream: async () => {
      const { JetStreamSource } = await import("./jetstream/jetstream.ts");
      const onRedelivered = redelivered("jetstream");
      return () => new JetStreamSource({ ...config.jetStream, logger, onRedelivered });
    },
    kafka: async () => {
      const { KafkaSource } = await import("./kafka/kafka.ts");
      return () => new KafkaSource({ ...config.kafka, logger, noteGap });
    },
  };
  const creators = await Promise.all(names.map((name) => load[name]()));
  return creators.map((create) => new PausableSource({ domain: config.name, create, logger }));
}
