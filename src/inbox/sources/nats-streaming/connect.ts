/** How the service and the publisher connect to NATS Streaming. */
import stan, { type Stan, type StanOptions } from "node-nats-streaming";
import { hostAndPort, type NatsServer } from "../nats-servers.ts";
import { connectWithoutBrackets } from "./stan-internals.ts";

/** Begins to connect to one server; the client emits what becomes of it. */
export function connectToServer(
  server: NatsServer,
  clusterId: string,
  clientId: string,
  options: StanOptions = {},
): Stan {
  const client = stan.connect(clusterId, clientId, {
    ...options,
    // The library sends the credentials of a URL as they stand there, so they are given decoded and beside it.
    url: `${server.isTls ? "tls" : "nats"}://${hostAndPort(server)}`,
    ...server.credentials,
    // The library's own reconnect keeps a session that the server may have forgotten.
    reconnect: false,
    waitOnFirstConnect: false,
  });
  if (server.host.includes(":")) connectWithoutBrackets(client, server.host);
  return client;
}
