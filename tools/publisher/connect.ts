/** Connects with the service's own variables. Loads a broker's library on demand. */
import { loadJetStream, loadKafka, loadNatsStreaming } from "../../src/config/config.ts";
import type { SourceName } from "../../src/config/sources.ts";
import type { DomainKit } from "../domains/kit.ts";
import { connectToBroker, connectToHttp, type Transport } from "./transport.ts";

/**
 * @param serviceUrl for `http`.
 * @throws ConfigError; another error if the source is unreachable.
 */
export async function connectTo(
  { domain, intake }: DomainKit,
  source: SourceName,
  environment: NodeJS.ProcessEnv,
  serviceUrl = "http://127.0.0.1:3000",
): Promise<Transport> {
  switch (source) {
    case "http":
      return connectToHttp(serviceUrl, intake, environment.INGRESS_TOKEN || undefined);
    case "kafka": {
      const { connectToKafka } = await import("./kafka.ts");
      return await connectToKafka(loadKafka(domain, environment));
    }
    case "jetstream": {
      const { connectToJetStream } = await import("./jetstream.ts");
      return await connectToJetStream(loadJetStream(domain, environment));
    }
    case "nats-streaming":
      return await connectToBroker(loadNatsStreaming(domain, environment));
  }
}
