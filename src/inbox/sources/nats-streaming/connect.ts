/** How the service and the publisher connect to NATS Streaming. */
import stan, { type Stan, type StanOptions } from "node-nats-streaming";
import { hostAndPort, type NatsServer } from "../nats-servers.ts";
import { connectWithoutBrackets } from "./stan-internals.ts";

/** The client emits the result. */
export function connectToServer(
  server: NatsServer,
  clusterId: string,
  clientId: string,
  options: StanOptions = {},
): Stan {
  const client = stan.connect(clusterId, clientId, {
    ...options,
    // The library does not decode credentials in a URL.
    url: `${server.isTls ? "tls" : "nats"}://${hostAndPort(server)}`,
    ...server.credentials,
    // The server may have forgotten the session.
    reconnect: false,
    waitOnFirstConnect: false,
  });
  if (server.host.includes(":")) connectWithoutBrackets(client, server.host);
  return client;
}
