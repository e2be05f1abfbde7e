/**
 * Adds the request id and the security headers to every answer, in one call with the route's headers: setting headers
 * one by one costs more than an answer from memory.
 */
import { randomBytes } from "node:crypto";
import { type OutgoingHttpHeaders, ServerResponse } from "node:http";

export class Response extends ServerResponse {
  #requestId: string | undefined;

  /** The caller's id if it is well-formed, else a unique one. */
  get requestId(): string {
    this.#requestId ??= requestIdOf(this.req.headers["x-request-id"]);
    return this.#requestId;
  }

  /** @param headers of the route; a flat list of names and values has none of the security headers. */
  override writeHead(status: number, headers: unknown = {}): this {
    const list = Array.isArray(headers)
      ? ["x-request-id", this.requestId, ...headers, ...SECURITY_LIST]
      : this.#listOf(headers as OutgoingHttpHeaders);
    return super.writeHead(status, list as never);
  }

  #listOf(headers: OutgoingHttpHeaders): (string | number | string[])[] {
    const list: (string | number | string[])[] = ["x-request-id", this.requestId];
    for (const name in headers) {
      if (headers[name] !== undefined) list.push(name, headers[name]);
    }
    for (const [name, value] of SECURITY_HEADERS) {
      if (headers[name] === undefined && !this.hasHeader(name)) list.push(name, value);
    }
    return list;
  }
}

function requestIdOf(given: string | string[] | undefined): string {
  if (typeof given === "string" && REQUEST_ID.test(given)) return given;
  requests += 1;
  return PROCESS_ID + requests.toString(36);
}

let requests = 0;
const PROCESS_ID = `${randomBytes(6).toString("hex")}-`;
const REQUEST_ID = /^[A-Za-z0-9._-]{1,128}$/;

const SECURITY_HEADERS = [
  ["x-content-type-options", "nosniff"],
  ["content-security-policy", "default-src 'none'; frame-ancestors 'none'"],
  ["cross-origin-resource-policy", "same-origin"],
] as const;

const SECURITY_LIST = SECURITY_HEADERS.flat();
