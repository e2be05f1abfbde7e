/** A route of the HTTP server. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Operation } from "./openapi.ts";

export type Request = IncomingMessage & {
  params: Record<string, string>;
  query: Record<string, string>;
  path: string;
  /** Whether the caller sees what operators see; undefined on open routes. */
  isOperator?: boolean;
  /** The name of the caller's token or session; undefined if it has none. */
  signer?: string;
  /** The authenticated caller. */
  subject?: string;
  /** For long responses; absent without a session. */
  isStillAllowed?: () => Promise<boolean>;
};

export type Access =
  | "open"
  /** Operators and readers: masked data, and no change. */
  | "reader"
  /** Operators: every change, and unmasked data. */
  | "operator"
  /** Senders. */
  | "ingress"
  /** Operators, readers and senders. */
  | "operator or ingress"
  /** A bearer token that the route's domain checks. */
  | Credential;

export type Credential = Readonly<{
  /** The security scheme in the API document; unique. */
  name: string;
  /** What the token is and where to get one. */
  description: string;
  /**
   * @returns the subject of the token; undefined if it is invalid.
   * @throws NotAllowedError with a sentence for the caller.
   */
  authenticate: (token: string) => Promise<string | undefined>;
}>;

export type Route = Readonly<{
  method: "GET" | "POST" | "DELETE";
  /** A polka pattern; also the metric's `route` label. */
  path: string;
  access: Access;
  /** The query parameter that makes a request open to all: the route returns one item to all and lists to operators. */
  openWith?: string;
  /** The query parameter that asks for unmasked data, which only operators get. */
  revealWith?: string;
  /** Allowed query parameters that the description does not list. */
  otherParameters?: readonly string[];
  /** Answered without a check of Host: probes use any name, and pages hold no data. */
  kind?: "probe" | "page";
  /**
   * Looked up before all other routes: for answers that cost less than the router. Only for GET, with a path of one
   * literal and one parameter that no other route matches.
   */
  isDirect?: boolean;
  operation: Operation;
  /** @throws an error of errors.ts; any other exception becomes a 500 without detail. */
  handle: (request: Request, response: ServerResponse) => void | Promise<void>;
}>;

export type IntakeDescription = Readonly<{
  path: string;
  tag: string;
  summary: string;
  description: string;
  /** Request headers, in lower case, to store beside the payload. */
  headers?: readonly string[];
}>;

/** Aborts when the client disconnects, or when the answer is sent. */
export function goneSignal(response: ServerResponse): AbortSignal {
  const gone = new AbortController();
  response.once("close", () => gone.abort());
  if (response.destroyed) gone.abort();
  return gone.signal;
}

export function sendJson(
  response: ServerResponse,
  status: number,
  value: unknown,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, { "content-type": "application/json", "cache-control": "no-store", ...headers });
  response.end(JSON.stringify(value));
}
