/** Creates the sources of one domain. A broker's library is loaded only if its source runs. */
import type { DomainConfig } from "../../config/config.ts";
import type { SourceName } from "../../config/sources.ts";
import type { Source, SourceGap } from "../../contract/source.ts";
import type { Logger } from "../../telemetry/logger.ts";

export type CreateSourcesOptions = Readonly<{
  /** Also used by the domain's routes. */
  http: Source;
  logger: Logger;
  onRedelivered: (source: SourceName, channel: string) => void;
  noteGap: (gap: SourceGap) => Promise<void>;
}>;

export function createSources(
  names: readonly SourceName[],
  config: DomainConfig,
  { http, logger, onRedelivered, noteGap }: CreateSourcesOptions,
): Promise<Source[]> {
  const redelivered = (source: SourceName) => (channel: string) => onRedelivered(source, channel);
  const create: Readonly<Record<SourceName, () => Source | Promise<Source>>> = {
    http: () => http,
    "nats-streaming": async () => {
      const { NatsStreamingSource } = await import("./nats-streaming/nats-streaming.ts");
      return new NatsStreamingSource({
        ...config.natsStreaming,
        logger,
        onRedelivered: redelivered("nats-streaming"),
      });
    },
    jetstream: async () => {
      const { JetStreamSource } = await import("./jetstream/jetstream.ts");
      return new JetStreamSource({ ...config.jetStream, logger, onRedelivered: redelivered("jetstream") });
    },
    kafka: async () => {
      const { KafkaSource } = await import("./kafka/kafka.ts");
      return new KafkaSource({ ...config.kafka, logger, noteGap });
    },
  };
  return Promise.all(names.map((name) => create[name]()));
}
