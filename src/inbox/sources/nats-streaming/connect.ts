/** How the service and the publisher connect to NATS Streaming. */
import stan, { type Stan, type StanOptions } from "node-nats-streaming";
import { hostAndPort, type NatsServer } from "../nats-servers.ts";
import { connectWithoutBrackets } from "./stan-internals.ts";

/** Starts to connect to one server; the client emits the result. */
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
    // The library's reconnect would keep a session that the server may have forgotten.
    reconnect: false,
    waitOnFirstConnect: false,
  });
  if (server.host.includes(":")) connectWithoutBrackets(client, server.host);
  return client;
}
