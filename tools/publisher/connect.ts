/**
 * The way to publish to a kind of source, by the variables that the service itself reads. The library of a broker is
 * loaded only where it is published to.
 */
import { loadJetStream, loadKafka } from "../../src/config/config.ts";
import type { SourceName } from "../../src/config/sources.ts";
import { orders } from "../../src/domains/orders/index.ts";
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
    case "kafka": {
      const { connectToKafka } = await import("./kafka.ts");
      return await connectToKafka(loadKafka(orders, environment));
    }
    case "jetstream": {
      const { connectToJetStream } = await import("./jetstream.ts");
      return await connectToJetStream(loadJetStream(orders, environment));
    }
    case "nats-streaming":
      return await connectToBroker({
        url: environment.NATS_URL || "nats://127.0.0.1:4222",
        clusterId: environment.STAN_CLUSTER_ID || "test-cluster",
        channel: environment.STAN_CHANNEL || "orders",
      });
  }
}
