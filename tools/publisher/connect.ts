/** The way to publish to a kind of source, by the variables that the service itself reads. */
import { loadJetStream, loadKafka, type SourceName } from "../../src/config.ts";
import { connectToJetStream } from "./jetstream.ts";
import { connectToKafka } from "./kafka.ts";
import { connectToBroker, connectToHttp, type Transport } from "./transport.ts";

/**
 * @param serviceUrl where the service is, for `http`.
 * @throws ConfigError; another error where it cannot be reached.
 */
export async function connectTo(
  source: SourceName,
  environment: NodeJS.ProcessEnv,
  serviceUrl = "http://127.0.0.1:3000",
): Promise<Transport> {
  switch (source) {
    case "http":
      return connectToHttp(serviceUrl, environment.INGRESS_TOKEN || undefined);
    case "kafka":
      return await connectToKafka(loadKafka(environment));
    case "jetstream":
      return await connectToJetStream(loadJetStream(environment));
    case "nats-streaming":
      return await connectToBroker({
        url: environment.NATS_URL || "nats://127.0.0.1:4222",
        clusterId: environment.STAN_CLUSTER_ID || "test-cluster",
        channel: environment.STAN_CHANNEL || "orders",
      });
  }
}
