/** How the service and the publisher connect to NATS Streaming, and how a client leaves it. */
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

/** Resolves when the server has forgotten the client and its id is free, or without the server's answer soon after. */
export async function closeClient(client: Stan): Promise<void> {
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, CLOSE_TIMEOUT_MS);
    client.once("close", () => {
      clearTimeout(timer);
      resolve();
    });
    client.close();
  });
}

/** A server that does not confirm the close detects it by its own pings. */
const CLOSE_TIMEOUT_MS = 2_000;
