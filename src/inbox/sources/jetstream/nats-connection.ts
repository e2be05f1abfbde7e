/** How the service and the publisher connect to a NATS server. */
import { credsAuthenticator, type NodeConnectionOptions } from "@nats-io/transport-node";
import type { NatsAddress } from "../../../config/sources.ts";
import { hostAndPort, natsServers } from "../nats-servers.ts";

export function natsConnectionOptions({ url, tls, credentials }: NatsAddress): NodeConnectionOptions {
  const servers = natsServers(url);
  return {
    servers: servers.map(hostAndPort),
    // The source reconnects itself; the library would hide the loss of a subscription.
    reconnect: false,
    timeout: CONNECT_TIMEOUT_MS,
    pingInterval: PING_INTERVAL_MS,
    maxPingOut: PINGS_UNANSWERED_MAX,
    ...(tls ? { tls } : {}),
    ...(credentials ? { authenticator: credsAuthenticator(new TextEncoder().encode(credentials)) } : {}),
    // The library takes one pair for all servers.
    ...servers[0].credentials,
  };
}

/** A nearby server accepts within milliseconds, TLS included. */
const CONNECT_TIMEOUT_MS = 2_000;
/** The connection is lost after PINGS_UNANSWERED_MAX unanswered pings. */
const PING_INTERVAL_MS = 2_000;
const PINGS_UNANSWERED_MAX = 3;
