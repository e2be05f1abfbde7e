/** One route of the server: what it answers to, who may ask, and what answers. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Operation } from "./openapi.ts";

export type Request = IncomingMessage & {
  params: Record<string, string>;
  query: Record<string, string>;
  path: string;
  /** Whether the caller has an operator's rights; unknown on open routes. */
  isOperator?: boolean;
  /** Whom the caller proved to be; set on routes whose access is a credential. */
  subject?: string;
  /** Whether the caller's session goes on: for answers that last. Absent if the caller has no session. */
  isStillAllowed?: () => Promise<boolean>;
};

export type Access =
  /** Anybody. */
  | "open"
  /** ADMIN_TOKEN, where one is set. */
  | "operator"
  /** INGRESS_TOKEN, where one is set. */
  | "ingress"
  /** Either of them. */
  | "operator or ingress"
  /** A bearer token that the domain of the route checks. */
  | Credential;

/** How a domain recognises its own callers. */
export type Credential = Readonly<{
  /** A word, unique among all credentials: the security scheme of the API document. */
  name: string;
  /** What the token is and where a caller gets one, for the API document. */
  description: string;
  /**
   * @returns the subject that the token proves; undefined if it proves none.
   * @throws NotAllowedError with a sentence that says more than "a valid token is needed".
   */
  authenticate: (token: string) => Promise<string | undefined>;
}>;

export type Route = Readonly<{
  method: "GET" | "POST" | "DELETE";
  /** A polka pattern; also the value of the metric's `route` label. */
  path: string;
  access: Access;
  /** The parameter of the query that makes a request an open one: one route gives one thing to all and lists to few. */
  openWith?: string;
  /** Names of parameters that the address may have beside those of its description. */
  otherParameters?: readonly string[];
  /** What machines ask by any name, and pages, which hold no data: these are answered whatever the Host is. */
  kind?: "probe" | "page";
  /** How the API document describes it. */
  operation: Operation;
  /** Answers, or throws an error of errors.ts; anything else that is thrown becomes a 500 without detail. */
  handle: (request: Request, response: ServerResponse) => void | Promise<void>;
}>;

/** A route that stores any bytes as a message, as the API document shows it. */
export type IntakeDescription = Readonly<{
  path: string;
  tag: string;
  summary: string;
  description: string;
  /** Names of request headers, in lower case, that are stored beside the payload; none by default. */
  headers?: readonly string[];
}>;

/** Ends the response with a JSON value. */
export function sendJson(
  response: ServerResponse,
  status: number,
  value: unknown,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, { "content-type": "application/json", "cache-control": "no-store", ...headers });
  response.end(JSON.stringify(value));
}
