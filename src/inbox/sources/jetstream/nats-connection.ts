/** How a NATS server is connected to: by the service, and by what publishes to it. */
import { credsAuthenticator, type NodeConnectionOptions } from "@nats-io/transport-node";
import type { NatsAddress } from "../../../config/sources.ts";

export function natsConnectionOptions({ url, tls, credentials }: NatsAddress): NodeConnectionOptions {
  const urls = url.split(",").map((text) => new URL(text.trim()));
  const [user, pass] = [urls[0]?.username ?? "", urls[0]?.password ?? ""].map(decodeURIComponent);
  return {
    servers: urls.map(({ host }) => host),
    // One way back and not two: whoever connects begins anew.
    reconnect: false,
    timeout: CONNECT_TIMEOUT_MS,
    pingInterval: PING_INTERVAL_MS,
    maxPingOut: PINGS_UNANSWERED_MAX,
    ...(tls ? { tls } : {}),
    ...(credentials ? { authenticator: credsAuthenticator(new TextEncoder().encode(credentials)) } : {}),
    ...(user && pass ? { user, pass } : {}),
    ...(user && !pass ? { token: user } : {}),
  };
}

const CONNECT_TIMEOUT_MS = 2_000;
/** A broker that does not answer is noticed after these times multiplied. */
const PING_INTERVAL_MS = 2_000;
const PINGS_UNANSWERED_MAX = 3;
