/** Parses NATS_URL and JETSTREAM_URL. */

export type NatsServer = Readonly<{
  isTls: boolean;
  /** IPv6 addresses have no brackets. */
  host: string;
  port: number;
  /** By default those of the first URL that has any. */
  credentials: Readonly<{ user: string; pass: string } | { token: string }> | undefined;
}>;

/** @param urls as validated by the configuration. */
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

/** Has no credentials, so it may be logged. */
export function hostAndPort({ host, port }: NatsServer): string {
  return `${host.includes(":") ? `[${host}]` : host}:${port}`;
}

function credentialsOf({ username, password }: URL): NatsServer["credentials"] {
  if (username === "") return undefined;
  const [user, pass] = [decodeURIComponent(username), decodeURIComponent(password)];
  return pass === "" ? { token: user } : { user, pass };
}

/** Source: NATS, "Client Protocol". */
const DEFAULT_PORT = 4222;
