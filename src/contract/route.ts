/** A route of the HTTP server: address, access, description and handler. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Operation } from "./openapi.ts";

export type Request = IncomingMessage & {
  params: Record<string, string>;
  query: Record<string, string>;
  path: string;
  /** Whether the caller has an operator's rights; undefined on open routes. */
  isOperator?: boolean;
  /** The authenticated caller, on routes with a credential. */
  subject?: string;
  /** Whether the caller's session is still valid, for long responses; absent without a session. */
  isStillAllowed?: () => Promise<boolean>;
};

export type Access =
  | "open"
  /** With ADMIN_TOKEN, if it is set. */
  | "operator"
  /** With INGRESS_TOKEN, if it is set. */
  | "ingress"
  | "operator or ingress"
  /** With a bearer token that the route's domain checks. */
  | Credential;

/** How a domain authenticates its callers. */
export type Credential = Readonly<{
  /** A unique word: the security scheme in the API document. */
  name: string;
  /** For the API document: what the token is and where to get one. */
  description: string;
  /**
   * @returns the subject of the token; undefined if the token is invalid.
   * @throws NotAllowedError with a more specific sentence than the default.
   */
  authenticate: (token: string) => Promise<string | undefined>;
}>;

export type Route = Readonly<{
  method: "GET" | "POST" | "DELETE";
  /** A polka pattern; also the metric's `route` label. */
  path: string;
  access: Access;
  /** The query parameter that makes a request open to all: one route returns one item to all and lists to operators. */
  openWith?: string;
  /** Allowed query parameters that the description does not list. */
  otherParameters?: readonly string[];
  /** Probes use any host name, and pages hold no data: both are answered without a check of Host. */
  kind?: "probe" | "page";
  operation: Operation;
  /** Answers, or throws an error of errors.ts; any other exception becomes a 500 without detail. */
  handle: (request: Request, response: ServerResponse) => void | Promise<void>;
}>;

/** A route that stores any body as a message. */
export type IntakeDescription = Readonly<{
  path: string;
  tag: string;
  summary: string;
  description: string;
  /** Request headers, in lower case, to store beside the payload; none by default. */
  headers?: readonly string[];
}>;

export function sendJson(
  response: ServerResponse,
  status: number,
  value: unknown,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, { "content-type": "application/json", "cache-control": "no-store", ...headers });
  response.end(JSON.stringify(value));
}
