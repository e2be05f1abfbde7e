/**
 * What a request line and a Host header may be. Node takes two Host headers for the first of them, and leaves a target in
 * absolute form as it is.
 * Source: RFC 9112, 3.2 (request target).
 */
import type { IncomingMessage } from "node:http";
import { InvalidInputError } from "../../contract/errors.ts";

/** Turns an absolute target into one of this server, whose Host is the one that the target names. */
export function normaliseTarget(request: IncomingMessage): void {
  const { url = "/" } = request;
  if (url.startsWith("/") || !/^https?:\/\//i.test(url) || !URL.canParse(url)) return;
  const { host, pathname, search } = new URL(url);
  request.url = pathname + search;
  request.headers.host = host;
}

/** @throws InvalidInputError if there are two Host headers, or one that is no host. */
export function checkHostHeader({ headers, rawHeaders }: IncomingMessage): void {
  let count = 0;
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] as string;
    if (name.length === 4 && name.toLowerCase() === "host") count += 1;
  }
  if (count > 1 || !HOST.test(headers.host ?? ""))
    throw new InvalidInputError("Host", "there must be one Host header, with a host and possibly a port");
}

/** A name, an IPv4 or a bracketed IPv6 address; HTTP/1.0 needs none. */
const HOST = /^([a-z0-9._~!$&'()*+,;=%-]*|\[[0-9a-f:.]+\])(:\d{0,5})?$/i;
