/**
 * Normalises the request target and checks the Host header. Node uses the first of two Host headers and does not resolve
 * a target in absolute form. Source: RFC 9112, 3.2.
 */
import type { IncomingMessage } from "node:http";
import { InvalidInputError } from "../../contract/errors.ts";

/** The host of an absolute target replaces the Host header. */
export function normaliseTarget(request: IncomingMessage): void {
  const { url = "/" } = request;
  if (url.startsWith("/") || !/^https?:\/\//i.test(url) || !URL.canParse(url)) return;
  const { host, pathname, search } = new URL(url);
  request.url = pathname + search;
  request.headers.host = host;
}

export function checkHostHeader({ headers, rawHeaders }: IncomingMessage): void {
  let count = 0;
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] as string;
    if (name.length === 4 && name.toLowerCase() === "host") count += 1;
  }
  if (count > 1 || !HOST.test(headers.host ?? ""))
    throw new InvalidInputError("Host", "there must be one Host header with a host and an optional port");
}

/** Name, IPv4 or bracketed IPv6 address; HTTP/1.0 needs none. */
const HOST = /^([a-z0-9._~!$&'()*+,;=%-]*|\[[0-9a-f:.]+\])(:\d{0,5})?$/i;
