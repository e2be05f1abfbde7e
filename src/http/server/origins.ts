/**
 * Whether a browser acts for the person before it, or for a page of another site. A browser adds authority by itself: a
 * cookie, and the fact that it runs on this machine. So a request is refused if its `Host` is a name that this service
 * does not have (DNS rebinding), or if the browser says that a page of another origin sent it. A request that no
 * browser sends has neither `Origin` nor `Sec-Fetch-Site`.
 * Sources: RFC 6454 (origin), RFC 9110, 7.2 (Host), W3C Fetch Metadata Request Headers.
 */
import type { IncomingMessage } from "node:http";
import { isIPv4, isIPv6 } from "node:net";
import { isLoopback } from "../../config/config.ts";
import { ForbiddenError } from "../../contract/errors.ts";

export type OriginsOptions = Readonly<{
  /** Where the service listens. */
  httpHost: string;
  /** The origins under which browsers reach it through a proxy. */
  publicUrls: readonly string[];
}>;

export class Origins {
  /** Whether only this machine can reach the service, unless a proxy stands before it. */
  readonly isOnLoopback: boolean;
  readonly #names: ReadonlySet<string>;
  readonly #publicOrigins: ReadonlySet<string>;
  readonly #publicNames: ReadonlySet<string>;

  constructor({ httpHost, publicUrls }: OriginsOptions) {
    this.isOnLoopback = isLoopback(httpHost);
    this.#publicOrigins = new Set(publicUrls);
    this.#publicNames = new Set(publicUrls.map((url) => new URL(url).hostname));
    this.#names = new Set(["localhost", httpHost.toLowerCase(), ...this.#publicNames]);
  }

  /** Whether an https address is public: cookies for it must not travel in the clear. */
  isSecure({ headers: { origin } }: IncomingMessage): boolean {
    if (origin !== undefined) return origin.toLowerCase().startsWith("https://");
    return [...this.#publicOrigins].some((url) => url.startsWith("https://"));
  }

  /** An address is no name that an attacker's DNS could answer for, so every address is known. */
  isKnownHost({ headers: { host } }: IncomingMessage): boolean {
    if (host === undefined) return false;
    const name = host.replace(PORT, "").toLowerCase();
    if (this.#names.has(name)) return true;
    return isIPv4(name) ? name !== "0.0.0.0" : name.startsWith("[") && isKnownIPv6(name.slice(1, -1));
  }

  /** @throws ForbiddenError */
  checkHost(request: IncomingMessage): void {
    if (this.isKnownHost(request)) return;
    throw new ForbiddenError(
      "the Host header names a host that this service does not know; if it is right, put its URL into PUBLIC_URL",
    );
  }

  /** For what changes something. @throws ForbiddenError if a page of another origin asks. */
  checkChange(request: IncomingMessage): void {
    const { origin, "sec-fetch-site": site } = request.headers;
    if (origin === undefined ? isFromHere(site) : this.#isOwnOrigin(origin, request.headers.host)) return;
    throw new ForbiddenError(
      "requests of another origin are refused; if this page is the service's own, put its URL into PUBLIC_URL",
    );
  }

  /** For what only reads, which can be costly or leave a record. @throws ForbiddenError if a page of another site asks. */
  checkRead({ headers }: IncomingMessage): void {
    const { "sec-fetch-site": site, "sec-fetch-user": user, "sec-fetch-dest": destination } = headers;
    // A person may follow a link to here.
    if (isFromHere(site) || (user === "?1" && destination === "document")) return;
    throw new ForbiddenError("requests of pages of another origin are refused; open the address by itself");
  }

  /** The public addresses count as they are. Under any other name the browser's origin is the Host that it asked for. */
  #isOwnOrigin(given: string, host = ""): boolean {
    const origin = URL.canParse(given) ? new URL(given) : undefined;
    if (origin === undefined || !/^https?:$/.test(origin.protocol)) return false;
    if (this.#publicOrigins.has(origin.origin)) return true;
    if (this.#publicNames.has(origin.hostname)) return false;
    // The default port is that of the origin's scheme: a proxy that ends TLS can say ":443".
    const asked = `${origin.protocol}//${host}`;
    return URL.canParse(asked) && new URL(asked).origin === origin.origin;
  }
}

/** Browsers say `none` for what a person typed or kept as a bookmark. */
function isFromHere(site: string | string[] | undefined): boolean {
  return site === undefined || site === "same-origin" || site === "none";
}

/** The unspecified address leads to this machine too, and browsers guard it less. They write it in the shortest form. */
function isKnownIPv6(address: string): boolean {
  return isIPv6(address) && !UNSPECIFIED.has(new URL(`http://[${address}]`).hostname);
}

const UNSPECIFIED = new Set(["[::]", "[::ffff:0:0]"]);

const PORT = /:\d*$/;
