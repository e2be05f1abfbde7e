/** Reads the URLs of NATS servers, as NATS_URL and JETSTREAM_URL give them: several, with percent-encoded credentials. */

export type NatsServer = Readonly<{
  isTls: boolean;
  /** A name or an address; an IPv6 address without brackets. */
  host: string;
  port: number;
  /** From the server's own URL or, if it has none, from the first one that has. */
  credentials: Readonly<{ user: string; pass: string } | { token: string }> | undefined;
}>;

/** @param urls one or more URLs, separated by commas, as `natsUrls` of the configuration accepts them. */
export function natsServers(urls: string): readonly [NatsServer, ...NatsServer[]] {
  const parsed = urls.split(",").map((text) => new URL(text.trim()));
  const shared = parsed.map(credentialsOf).find((credentials) => credentials !== undefined);
  return parsed.map((url) => ({
    isTls: url.protocol === "tls:",
    host: url.hostname.replace(/^\[(.*)\]$/, "$1"),
    port: Number(url.port || DEFAULT_PORT),
    credentials: credentialsOf(url) ?? shared,
  })) as [NatsServer, ...NatsServer[]];
}

/** `host:port`, for clients and for messages: it names no secret. */
export function hostAndPort({ host, port }: NatsServer): string {
  return `${host.includes(":") ? `[${host}]` : host}:${port}`;
}

function credentialsOf({ username, password }: URL): NatsServer["credentials"] {
  if (username === "") return undefined;
  const [user, pass] = [decodeURIComponent(username), decodeURIComponent(password)];
  return pass === "" ? { token: user } : { user, pass };
}

/** Source: NATS, "Client Protocol"; IANA has it registered for NATS. */
const DEFAULT_PORT = 4222;
