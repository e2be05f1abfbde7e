/**
 * Refuses browser requests caused by pages of other sites. A browser adds authority by itself: cookies, and access
 * to loopback. So a request is refused if its `Host` is unknown (DNS rebinding) or if the browser reports another origin
 * (CSRF). Clients other than browsers send neither `Origin` nor `Sec-Fetch-Site`.
 * Sources: RFC 6454 (origin), RFC 9110, 7.2 (Host), W3C Fetch Metadata Request Headers.
 */
import type { IncomingMessage } from "node:http";
import { isIPv4, isIPv6 } from "node:net";
import { isLoopback } from "../../config/config.ts";
import { ForbiddenError } from "../../contract/errors.ts";

export type OriginsOptions = Readonly<{
  httpHost: string;
  /** Origins behind a proxy. */
  publicUrls: readonly string[];
}>;

export class Origins {
  /** A proxy may still forward to it. */
  readonly isOnLoopback: boolean;
  readonly #names: ReadonlySet<string>;
  readonly #publicOrigins: ReadonlySet<string>;
  readonly #publicNames: ReadonlySet<string>;
  /** Nearly all requests name the same host. */
  #lastKnownHost: string | undefined;

  constructor({ httpHost, publicUrls }: OriginsOptions) {
    this.isOnLoopback = isLoopback(httpHost);
    this.#publicOrigins = new Set(publicUrls);
    this.#publicNames = new Set(publicUrls.map((url) => new URL(url).hostname));
    this.#names = new Set(["localhost", httpHost.toLowerCase(), ...this.#publicNames]);
  }

  /** Whether cookies need `Secure`. */
  isSecure({ headers: { origin } }: IncomingMessage): boolean {
    if (origin !== undefined) return origin.toLowerCase().startsWith("https://");
    return [...this.#publicOrigins].some((url) => url.startsWith("https://"));
  }

  /** IP addresses are accepted: DNS rebinding needs a name. */
  isKnownHost({ headers: { host } }: IncomingMessage): boolean {
    if (host === undefined) return false;
    if (host === this.#lastKnownHost) return true;
    const isKnown = this.#isKnownName(host.replace(PORT, "").toLowerCase());
    if (isKnown) this.#lastKnownHost = host;
    return isKnown;
  }

  #isKnownName(name: string): boolean {
    if (this.#names.has(name)) return true;
    return isIPv4(name) ? name !== "0.0.0.0" : name.startsWith("[") && isKnownIPv6(name.slice(1, -1));
  }

  checkHost(request: IncomingMessage): void {
    if (this.isKnownHost(request)) return;
    throw new ForbiddenError(
      "the Host header names an unknown host; if it is the service's own, add its URL to PUBLIC_URL",
    );
  }

  /** For requests that change state. @throws ForbiddenError */
  checkChange(request: IncomingMessage): void {
    const { origin, "sec-fetch-site": site } = request.headers;
    if (origin === undefined ? isFromHere(site) : this.#isOwnOrigin(origin, request.headers.host)) return;
    throw new ForbiddenError(
      "requests from another origin are refused; if this page is the service's own, add its URL to PUBLIC_URL",
    );
  }

  /** For reads, which can be costly or recorded. @throws ForbiddenError */
  checkRead({ headers }: IncomingMessage): void {
    const { "sec-fetch-site": site, "sec-fetch-user": user, "sec-fetch-dest": destination } = headers;
    // Links from other sites are allowed.
    if (isFromHere(site) || (user === "?1" && destination === "document")) return;
    throw new ForbiddenError("requests from pages of another origin are refused; open the address directly");
  }

  /** A public origin, or the requested Host. */
  #isOwnOrigin(given: string, host = ""): boolean {
    const origin = URL.canParse(given) ? new URL(given) : undefined;
    if (origin === undefined || !/^https?:$/.test(origin.protocol)) return false;
    if (this.#publicOrigins.has(origin.origin)) return true;
    if (this.#publicNames.has(origin.hostname)) return false;
    // The origin's scheme gives the default port: a TLS proxy can send ":443".
    const asked = `${origin.protocol}//${host}`;
    return URL.canParse(asked) && new URL(asked).origin === origin.origin;
  }
}

/** Browsers send `none` for typed addresses and bookmarks. */
function isFromHere(site: string | string[] | undefined): boolean {
  return site === undefined || site === "same-origin" || site === "none";
}

/** Refuses the unspecified address, which browsers protect less than loopback. */
function isKnownIPv6(address: string): boolean {
  return isIPv6(address) && !UNSPECIFIED.has(new URL(`http://[${address}]`).hostname);
}

const UNSPECIFIED = new Set(["[::]", "[::ffff:0:0]"]);

const PORT = /:\d*$/;
